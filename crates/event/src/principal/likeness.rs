//! Sessions of one role, and of one user, are written alike: of another one only what is its own is read.

use std::ops::Range;
use std::sync::Arc;

use super::texts::{Texts, plain_end};
use super::{IDENTITY_TEXT_BYTES_MAX, Identity, IdentitySurroundings, PrincipalType};
use crate::hash::{mix, word};

/// Likenesses are remembered in sets: the same role as several services call for it.
const SETS: usize = 512;
const WAYS: usize = 4;
/// Longest text that is worth remembering, in bytes. Identities of sessions have about 600.
const TEXT_BYTES_MAX: usize = 1_024;
/// Longest text that is one session's own, in bytes.
const OWN_BYTES_MAX: usize = 128;
/// Most texts that are a session's own: `principalId`, the end of `arn`, `accessKeyId` and `creationDate`.
const OWN_MAX: usize = 4;

/// Identities read before, by what their sessions have in common.
#[derive(Debug)]
pub(crate) struct Likenesses {
    /// Empty until the first of them.
    slots: Vec<Option<Likeness>>,
    /// The hash that each slot is found by; zero for none.
    hashes: Box<[[u64; WAYS]; SETS]>,
    learnt: usize,
}

/// A `userIdentity` that was read, with holes for what is the session's own.
#[derive(Debug)]
struct Likeness {
    text: Box<str>,
    holes: Holes,
    /// Which hole holds the session's name, and which the access key.
    session: Option<usize>,
    access_key: Option<usize>,
    /// Who it was the last time.
    identity: Arc<Identity>,
}

/// Where the holes stand in the text, in its order, and how many there are.
type Holes = ([(u32, u32); OWN_MAX], usize);

impl Default for Likenesses {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            hashes: Box::new([[0; WAYS]; SETS]),
            learnt: 0,
        }
    }
}

impl Likenesses {
    /// [`Identity::read`] of a text as CloudTrail writes it, which is shown to be sound JSON on the way; `None` for
    /// any other.
    pub(crate) fn read(
        &mut self,
        user_identity: &str,
        surroundings: IdentitySurroundings<'_>,
    ) -> Option<Arc<Identity>> {
        // What AWS does by itself has the same principal, whoever is named.
        let hash = hash(user_identity).filter(|_| !surroundings.is_service_event);
        if let Some(identity) = hash.and_then(|hash| self.find(hash, user_identity)) {
            return Some(identity);
        }
        let texts = Texts::read_usual(user_identity)?;
        let identity = Arc::new(Identity::of_texts(&texts, surroundings));
        if let Some(hash) = hash
            && let Some(likeness) = Likeness::of(user_identity, &texts, &identity)
        {
            self.learn(hash, likeness);
        }
        Some(identity)
    }

    fn find(&mut self, hash: u64, text: &str) -> Option<Arc<Identity>> {
        let set = set_of(hash);
        (0..WAYS).find_map(|way| {
            if self.hashes[set][way] != hash {
                return None;
            }
            self.slots.get_mut(set * WAYS + way)?.as_mut()?.read(text)
        })
    }

    fn learn(&mut self, hash: u64, likeness: Likeness) {
        if self.slots.is_empty() {
            self.slots.resize_with(SETS * WAYS, || None);
        }
        let set = set_of(hash);
        let free = self.hashes[set].iter().position(|known| *known == 0);
        self.learnt = self.learnt.wrapping_add(1);
        let way = free.unwrap_or(self.learnt % WAYS);
        self.hashes[set][way] = hash;
        self.slots[set * WAYS + way] = Some(likeness);
    }
}

const fn set_of(hash: u64) -> usize {
    (hash >> 32) as usize % SETS
}

/// A hash of what sessions of a role have in common: the role's id, and at the end the service that made the call.
fn hash(text: &str) -> Option<u64> {
    const ID: usize = r#"{"type":"AssumedRole","principalId":""#.len();
    let bytes = text.as_bytes();
    if bytes.len() > TEXT_BYTES_MAX {
        return None;
    }
    let (id, _) = bytes.get(ID..)?.first_chunk::<16>()?.as_chunks::<8>();
    let (end, _) = bytes.last_chunk::<24>()?.as_chunks::<8>();
    let hash = mix(word(&id[0]) ^ word(&end[0]), word(&id[1]) ^ word(&end[1]));
    Some(mix(hash, word(&end[2])) | 1)
}

impl Likeness {
    /// What others may be like this identity, which was read from this text.
    fn of(text: &str, texts: &Texts<'_>, identity: &Arc<Identity>) -> Option<Self> {
        const CREATED: &str = r#""creationDate":""#;
        // With an ARN nothing depends on the principal's id, and but for a service nothing on the surroundings.
        let arn = texts.arn.filter(|arn| !arn.is_empty())?;
        if identity.principal_type == PrincipalType::AWSService {
            return None;
        }
        let place_of = |inside: &str| {
            let start = inside.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
            let range = start..start + inside.len();
            (text.get(range.clone()) == Some(inside)).then_some(range)
        };
        let mut own: [Option<Range<usize>>; OWN_MAX] = Default::default();
        own[0] = texts.principal_id.and_then(place_of);
        // A person behind Identity Center is the session.
        let session = identity.session_name.as_deref();
        let role = session.and_then(|session| arn.strip_suffix(session));
        if let Some(role) = role
            && *arn != *identity.principal
            && role.len() + OWN_BYTES_MAX <= IDENTITY_TEXT_BYTES_MAX
        {
            own[1] = place_of(&arn[role.len()..]);
        }
        own[2] = texts.access_key_id.and_then(place_of);
        own[3] = memchr::memmem::find(text.as_bytes(), CREATED.as_bytes()).and_then(|at| {
            let start = at + CREATED.len();
            Some(start..plain_end(text.as_bytes(), start)?)
        });
        for range in &mut own {
            let is_usual = |range: &Range<usize>| (1..=OWN_BYTES_MAX).contains(&range.len());
            *range = range.take().filter(is_usual);
        }
        let [_, session, access_key, _] = own.clone();
        let mut holes: Holes = ([(0, 0); OWN_MAX], 0);
        own.sort_by_key(|range| range.as_ref().map_or(usize::MAX, |range| range.start));
        for (hole, range) in holes.0.iter_mut().zip(own.into_iter().flatten()) {
            *hole = (range.start as u32, range.end as u32);
            holes.1 += 1;
        }
        let hole_of = |range: Option<Range<usize>>| {
            let start = range?.start as u32;
            holes.0.iter().position(|hole| hole.0 == start)
        };
        (holes.1 > 0).then(|| Self {
            text: text.into(),
            session: hole_of(session),
            access_key: hole_of(access_key),
            holes,
            identity: Arc::clone(identity),
        })
    }

    /// Who it is, if this text differs in holes alone: a plain string instead of another leaves all else as it was,
    /// sound JSON that says the same.
    fn read(&mut self, text: &str) -> Option<Arc<Identity>> {
        let bytes = text.as_bytes();
        let known = self.text.as_bytes();
        let (holes, number) = &self.holes;
        let mut found = [(0, 0); OWN_MAX];
        let (mut at, mut known_at) = (0, 0);
        for ((from, to), found) in holes.iter().take(*number).zip(&mut found) {
            let between = known.get(known_at..*from as usize)?;
            let start = at + between.len();
            if bytes.get(at..start)? != between {
                return None;
            }
            let end = plain_end(bytes, start)?;
            if !(1..=OWN_BYTES_MAX).contains(&(end - start)) {
                return None;
            }
            *found = (start, end);
            (at, known_at) = (end, *to as usize);
        }
        if bytes.get(at..)? != known.get(known_at..)? {
            return None;
        }
        let own = |hole: Option<usize>| {
            let (start, end) = found[hole?];
            text.get(start..end)
        };
        let last = &*self.identity;
        let session_name = own(self.session).or(last.session_name.as_deref());
        let access_key_id = own(self.access_key).or(last.access_key_id.as_deref());
        if session_name != last.session_name.as_deref()
            || access_key_id != last.access_key_id.as_deref()
        {
            self.identity = Arc::new(Identity {
                principal: Arc::clone(&last.principal),
                principal_type: last.principal_type,
                account: last.account.clone(),
                session_name: session_name.map(str::to_owned),
                invoked_by: last.invoked_by.clone(),
                access_key_id: access_key_id.map(str::to_owned),
            });
        }
        Some(Arc::clone(&self.identity))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    const AT: IdentitySurroundings<'static> = IdentitySurroundings {
        event_source: "kms.amazonaws.com",
        is_service_event: false,
        recipient_account: Some("111122223333"),
    };

    fn role(session: &str, key: &str, created: &str) -> String {
        format!(
            concat!(
                r#"{{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE:{0}","arn":"arn:aws:sts::111122223333:assumed-role/r/{0}","#,
                r#""accountId":"111122223333","accessKeyId":"{1}","sessionContext":{{"sessionIssuer":{{"type":"Role","#,
                r#""principalId":"AROAEXAMPLEEXAMPLE","arn":"arn:aws:iam::111122223333:role/p/r","accountId":"111122223333","userName":"r"}},"#,
                r#""webIdFederationData":{{}},"attributes":{{"creationDate":"{2}","mfaAuthenticated":"false"}}}},"#,
                r#""invokedBy":"s3.amazonaws.com"}}"#
            ),
            session, key, created,
        )
    }

    fn user(key: &str, created: &str) -> String {
        format!(
            concat!(
                r#"{{"type":"IAMUser","principalId":"AIDAEXAMPLEEXAMPLE","arn":"arn:aws:iam::111122223333:user/u","#,
                r#""accountId":"111122223333","accessKeyId":"{}","userName":"u","#,
                r#""sessionContext":{{"attributes":{{"creationDate":"{}","mfaAuthenticated":"false"}}}}}}"#
            ),
            key, created,
        )
    }

    #[test]
    fn another_session_is_read_by_what_is_its_own() {
        let mut likenesses = Likenesses::default();
        let mut read = |text: &str| likenesses.read(text, AT).expect("it is usual");
        let first = read(&role("one", "ASIA1", "2026-03-02T00:00:00Z"));
        let second = read(&role("another", "ASIA2", "2026-03-03T00:00:00Z"));
        assert!(Arc::ptr_eq(&first.principal, &second.principal));
        assert_eq!(&*second.principal, "arn:aws:iam::111122223333:role/p/r");
        assert_eq!(second.session_name.as_deref(), Some("another"));
        assert_eq!(second.access_key_id.as_deref(), Some("ASIA2"));
        // The same caller at another time is the same.
        let again = read(&role("another", "ASIA2", "2026-03-04T00:00:00Z"));
        assert!(Arc::ptr_eq(&second, &again));
        let user_before = read(&user("AKIA", "2026-03-02T00:00:00Z"));
        let user_again = read(&user("AKIA", "2026-03-02T10:00:00Z"));
        assert!(Arc::ptr_eq(&user_before, &user_again));
    }

    #[test]
    fn people_behind_identity_center_are_not_taken_for_each_other() {
        let person = |name: &str| {
            let text = role(name, "ASIA", "2026-03-02T00:00:00Z");
            text.replace("role/r/", "role/AWSReservedSSO_Admin_0123/")
        };
        let mut likenesses = Likenesses::default();
        for name in ["ana", "bob", "ana"] {
            let text = person(name);
            let read = likenesses.read(&text, AT).expect("it is usual");
            assert_eq!(*read, Identity::read_text(&text, AT));
            assert!(read.principal.ends_with(name));
        }
    }

    #[test]
    fn what_makes_room_is_read_as_before() {
        let mut likenesses = Likenesses::default();
        for number in 0..3 * SETS * WAYS {
            let text = role("s", "ASIA", "t").replace("AROAEX", &format!("AR{number:04}"));
            let read = likenesses.read(&text, AT).expect("it is usual");
            assert_eq!(*read, Identity::read_text(&text, AT));
        }
    }

    /// A session that says nothing of the role which issued it.
    fn bare(session: &str, key: &str, created: &str) -> String {
        format!(
            concat!(
                r#"{{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE:{0}","arn":"arn:aws:sts::111122223333:assumed-role/r/{0}","#,
                r#""accessKeyId":"{1}","creationDate":"{2}","accountId":"111122223333"}}"#
            ),
            session, key, created,
        )
    }

    /// Texts that are alike, each with what is its own, and some with what makes them unlike.
    fn texts() -> impl Strategy<Value = Vec<String>> {
        let form = select(vec![
            role as fn(&str, &str, &str) -> String,
            |_, key, created| user(key, created),
            bare,
        ]);
        let change = || {
            let change = select(vec![
                ("AssumedRole", "AWSService"),
                ("AssumedRole", "AWSAccount"),
                ("invokedBy", "invoked"),
                ("role/r/", "role/AWSReservedSSO_r/"),
                // With a session behind it, the ARN is cut.
                ("role/r/", "role/LONG/"),
                ("\"arn\":", "\"bra\":"),
                ("\"arn\":\"arn:aws", "\"arn\":\"x\",\"arn\":\"arn:aws"),
                ("role/p/r", "user/p/r"),
                ("accountId", "accessKeyId"),
                ("principalId", "arn"),
                ("userName\":\"", "creationDate\":\""),
                ("sts::1", "sts::xx1"),
                ("a\"", "\\u0061\""),
                ("b", "é"),
                ("c", "\u{1}"),
                ("\":\"", "\": \""),
                ("}}", "}} "),
            ]);
            let long =
                |(from, to): (&'static str, &str)| (from, to.replace("LONG", &"x".repeat(400)));
            proptest::collection::vec(change.prop_map(long), 0..3)
        };
        let own = || "[a-c/]{0,2}|[a-c]{1,2}|x{80,130}|x{510,514}";
        let owns = (own(), own(), own(), any::<bool>());
        let owns = proptest::collection::vec(owns, 1..12);
        (form, change(), change(), owns).prop_map(|(form, of_all, of_some, owns)| {
            let text = |(session, key, created, is_unlike): (String, String, String, bool)| {
                let text = form(&session, &key, &created);
                let of_some = of_some.iter().filter(|_| is_unlike);
                let changes = of_all.iter().chain(of_some);
                changes.fold(text, |text, (from, to)| text.replacen(from, to, 1))
            };
            owns.into_iter().map(text).collect()
        })
    }

    fn surroundings() -> impl Strategy<Value = IdentitySurroundings<'static>> {
        let event_source = select(vec![AT.event_source, "sts.amazonaws.com"]);
        let recipient = select(vec![AT.recipient_account, Some("444455556666"), None]);
        (event_source, prop::bool::weighted(0.1), recipient).prop_map(
            |(event_source, is_service_event, recipient_account)| IdentitySurroundings {
                event_source,
                is_service_event,
                recipient_account,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_048))]

        #[test]
        fn what_was_read_before_changes_nothing(
            texts in texts(),
            surroundings in proptest::collection::vec(surroundings(), 12),
        ) {
            let mut likenesses = Likenesses::default();
            for (text, at) in texts.iter().zip(&surroundings) {
                let alone = Identity::read_usual(text, *at);
                let read = likenesses.read(text, *at);
                prop_assert_eq!(read.as_deref(), alone.as_ref(), "{} {:?}", text, at);
            }
        }
    }
}
