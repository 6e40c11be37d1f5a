//! Remembering identities and resources: the same bytes come again and again.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use serde_json::Value;

use crate::arn::{Arn, is_account_id};
use crate::key::KeyName;
use crate::principal::{Identity, IdentitySurroundings, Likenesses};
use crate::request::Request;
use crate::selection::KMS;
use crate::small::{members, text_of};
use crate::walker::{Known, Odd, VALUES_MAX, Walker};

/// Most resource lists remembered. A full memo begins anew; that costs time, never an answer.
const MEMO_ENTRIES_MAX: usize = 8_192;
/// Longest text that is worth remembering, in bytes.
const MEMO_TEXT_BYTES_MAX: usize = 4_096;
/// Most resources read of one record.
const RESOURCES_MAX: usize = 32;

/// Identities and resource lists by the bytes they were read from. Only sound JSON is remembered,
/// so what is found here needs no second look.
#[derive(Debug, Default)]
pub struct IdentityMemo {
    walker: Walker,
    likenesses: Likenesses,
    /// Identities by the places of their bytes among the echoes of the same reader, and of no other.
    identities: Vec<Option<Remembered>>,
    /// Those of the last identity remembered.
    surroundings: Option<Arc<Surroundings>>,
    resources: HashMap<String, Resources, RandomState>,
    /// Resources too long to be remembered.
    long: Resources,
}

/// An identity, and the surroundings it was read in.
#[derive(Debug)]
struct Remembered {
    surroundings: Arc<Surroundings>,
    identity: Arc<Identity>,
}

/// What beside its bytes decides who called.
#[derive(Debug)]
struct Surroundings {
    event_source: Box<str>,
    is_of_kms: bool,
    is_service_event: bool,
    recipient_account: Option<Box<str>>,
}

impl Surroundings {
    fn new(surroundings: IdentitySurroundings<'_>) -> Self {
        Self {
            event_source: surroundings.event_source.into(),
            is_of_kms: surroundings.event_source == KMS,
            is_service_event: surroundings.is_service_event,
            recipient_account: surroundings.recipient_account.map(Box::from),
        }
    }

    fn is_of(&self, surroundings: IdentitySurroundings<'_>) -> bool {
        *self.event_source == *surroundings.event_source
            && self.is_service_event == surroundings.is_service_event
            && self.recipient_account.as_deref() == surroundings.recipient_account
    }

    #[inline]
    fn is_of_kms(&self, surroundings: KmsSurroundings<'_>) -> bool {
        let account = self.recipient_account.as_deref().map(str::as_bytes);
        self.is_of_kms
            && self.is_service_event == surroundings.is_service_event
            && account == Some(surroundings.recipient_account)
    }
}

/// What beside its bytes decides who called, of a KMS record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KmsSurroundings<'a> {
    pub(crate) is_service_event: bool,
    /// The account whose trail the record belongs to; a plain text.
    pub(crate) recipient_account: &'a [u8],
}

impl<'a> KmsSurroundings<'a> {
    /// The same in general.
    pub(crate) fn general(self) -> Option<IdentitySurroundings<'a>> {
        Some(IdentitySurroundings {
            event_source: KMS,
            is_service_event: self.is_service_event,
            recipient_account: Some(std::str::from_utf8(self.recipient_account).ok()?),
        })
    }
}

/// What a `resources` array tells.
#[derive(Debug, Default)]
pub(crate) struct Resources {
    /// The ARNs, in the array's order.
    pub(crate) arns: Vec<String>,
    /// The first of them that is a key's.
    pub(crate) key: Option<KeyName>,
    /// The account of the first that has one.
    pub(crate) account: Option<String>,
}

impl IdentityMemo {
    /// Reads the identity that this `userIdentity` stands for.
    pub(crate) fn identity(
        &mut self,
        user_identity: Option<&str>,
        surroundings: IdentitySurroundings<'_>,
    ) -> Result<Arc<Identity>, Odd> {
        let Some(raw) = user_identity else {
            return Ok(Arc::new(Identity::missing()));
        };
        if let Some(identity) = self.likenesses.read(raw, surroundings) {
            return Ok(identity);
        }
        self.walker.check_text(raw)?;
        Ok(Arc::new(Identity::read_text(raw, surroundings)))
    }

    /// Remembers an identity at a place, instead of what was known there.
    pub(crate) fn remember(
        &mut self,
        identity: &Arc<Identity>,
        Known(place): Known,
        surroundings: IdentitySurroundings<'_>,
    ) {
        let last = self.surroundings.take();
        let last = last.filter(|last| last.is_of(surroundings));
        let last = last.unwrap_or_else(|| Arc::new(Surroundings::new(surroundings)));
        let place = place as usize % VALUES_MAX;
        if self.identities.len() <= place {
            self.identities.resize_with(place + 1, || None);
        }
        self.identities[place] = Some(Remembered {
            surroundings: Arc::clone(&last),
            identity: Arc::clone(identity),
        });
        self.surroundings = Some(last);
    }

    /// The identity known at this place, if it was read in the same surroundings.
    #[inline]
    pub(crate) fn known(
        &self,
        Known(place): Known,
        surroundings: IdentitySurroundings<'_>,
    ) -> Option<Arc<Identity>> {
        let known = self.identities.get(place as usize)?.as_ref()?;
        known
            .surroundings
            .is_of(surroundings)
            .then(|| Arc::clone(&known.identity))
    }

    /// [`Self::known`] for a KMS record.
    #[inline(always)]
    pub(crate) fn known_of_kms(
        &self,
        Known(place): Known,
        surroundings: KmsSurroundings<'_>,
    ) -> Option<&Arc<Identity>> {
        let known = self.identities.get(place as usize)?.as_ref()?;
        let is_same = known.surroundings.is_of_kms(surroundings);
        is_same.then_some(&known.identity)
    }

    /// Whether values are sound of which nothing more is asked.
    pub(crate) fn check(&self, values: [Option<&str>; 3]) -> Result<(), Odd> {
        let mut values = values.into_iter().flatten();
        values.try_for_each(|value| self.walker.check_text(value))
    }

    /// What these `requestParameters` of the record ask. Requests differ, so none is remembered.
    #[inline]
    pub(crate) fn request<'a>(
        &self,
        record: &'a str,
        request: &'a str,
    ) -> Result<Request<'a>, Odd> {
        // Walked where it stands, it needs no care at its end.
        let start = request.as_ptr().addr().wrapping_sub(record.as_ptr().addr());
        let end = start.wrapping_add(request.len());
        let walked = match record.get(start..end) {
            Some(_) => self.walker.request(record, start, end)?,
            None => None,
        };
        if let Some(request) = walked {
            return Ok(request);
        }
        self.walker.check_text(request)?;
        Ok(Request::read(request))
    }

    /// What this `resources` array tells.
    pub(crate) fn resources(&mut self, resources: Option<&str>) -> Result<&Resources, Odd> {
        let Some(raw) = resources else {
            self.long = Resources::default();
            return Ok(&self.long);
        };
        if raw.len() > MEMO_TEXT_BYTES_MAX {
            self.walker.check_text(raw)?;
            self.long = Resources::read(raw);
            return Ok(&self.long);
        }
        if self.resources.len() >= MEMO_ENTRIES_MAX {
            self.resources.clear();
        }
        match self.resources.entry_ref(raw) {
            EntryRef::Occupied(entry) => Ok(entry.into_mut()),
            EntryRef::Vacant(entry) => {
                self.walker.check_text(raw)?;
                Ok(entry.insert(Resources::read(raw)))
            }
        }
    }
}

impl Resources {
    /// Entries are objects with `ARN` or `arn`; anything else is passed over.
    fn read(raw: &str) -> Self {
        let arns = read_arns(raw);
        Self {
            key: arns.iter().find_map(|arn| KeyName::from_key_arn(arn)),
            account: arns
                .iter()
                .filter_map(|text| Arn::parse(text))
                .map(|arn| arn.account)
                .find(|account| is_account_id(account))
                .map(str::to_owned),
            arns,
        }
    }
}

fn read_arns(raw: &str) -> Vec<String> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_some() {
        let value: Value = serde_json::from_str(raw).unwrap_or(Value::Null);
        let entries = value.as_array().into_iter().flatten().take(RESOURCES_MAX);
        return entries
            .filter_map(|entry| entry.get("ARN").or_else(|| entry.get("arn"))?.as_str())
            .map(str::to_owned)
            .collect();
    }
    let is_array = raw.starts_with('[');
    let entries = members(raw).filter(|_| is_array).take(RESOURCES_MAX);
    let arn_of = |entry: &str| {
        let (mut upper, mut lower) = (None, None);
        for (name, value) in members(entry) {
            match name {
                "ARN" => upper = Some(value),
                "arn" => lower = Some(value),
                _ => {}
            }
        }
        text_of(upper.or(lower)?).map(str::to_owned)
    };
    entries.filter_map(|(_, entry)| arn_of(entry)).collect()
}
