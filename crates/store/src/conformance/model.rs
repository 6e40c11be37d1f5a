//! Random operations, each made on a store and on the one in memory: they answer alike.

use super::samples::{ACCOUNT, OTHER_ACCOUNT, day, finding, key, note, pointer, shard, time};
use crate::{
    Close, Commit, Document, MemoryStore, Quarantined, Store, StoreError, TallyWrite, Version,
};

/// Makes that many operations, drawn from a seed, on an empty store.
pub async fn behaves_like_memory(store: &impl Store, seed: u64, operations: usize) {
    let model = MemoryStore::default();
    let mut draw = Draw(seed);
    for number in 0..operations {
        let operation = Operation::draw(&mut draw);
        let answer = operation.make(store).await;
        let expected = operation.make(&model).await;
        assert_eq!(
            answer, expected,
            "operation {number} of seed {seed}: {operation:?}"
        );
    }
    assert_eq!(
        contents(store).await,
        contents(&model).await,
        "contents after seed {seed}"
    );
}

/// SplitMix64: small, and the same everywhere.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// An operation over few names, so that they meet.
#[derive(Debug, Clone, Copy)]
struct Operation {
    kind: u64,
    account: &'static str,
    day: i64,
    generation: u64,
    id: &'static str,
    revision: u32,
    content: u64,
    /// Whether the writer has read what stands.
    is_current: bool,
}

const KINDS: u64 = 13;

impl Operation {
    fn draw(draw: &mut Draw) -> Self {
        let mut below = |end| draw.below(end);
        Self {
            kind: below(KINDS),
            account: [ACCOUNT, OTHER_ACCOUNT][below(2) as usize],
            day: below(4) as i64,
            generation: 1 + below(2),
            id: ["a", "ab", "b"][below(3) as usize],
            revision: 1 + below(4) as u32,
            content: below(3),
            is_current: below(4) > 0,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        format!("{}", self.content).repeat(40).into_bytes()
    }

    /// Stores name versions as they like, so an answer says only what a caller can tell.
    async fn make(&self, store: &impl Store) -> String {
        match self.try_make(store).await {
            Ok(answer) => answer,
            Err(StoreError::Conflict { .. }) => "conflict".to_owned(),
            Err(StoreError::Unknown { .. }) => "unknown".to_owned(),
            Err(error) => format!("unexpected: {error}"),
        }
    }

    async fn try_make(&self, store: &impl Store) -> Result<String, StoreError> {
        let key = key(self.id);
        match self.kind {
            0 => {
                let version = self.version(store).await?;
                store
                    .write_tally(self.account, day(self.day), &self.bytes(), version.as_ref())
                    .await?;
            }
            1 => store.remove_tally(self.account, day(self.day)).await?,
            2 => {
                let mut name = shard(self.generation, self.day, self.content as u32 % 2);
                name.account = self.account.to_owned();
                store.write_base(&name, &self.bytes()).await?;
            }
            3 => {
                let pruned = store.prune(self.account, day(self.day)).await?;
                return Ok(format!("pruned {pruned}"));
            }
            4 => {
                let expected = store.pointer(self.account).await?;
                let expected = expected.filter(|_| self.is_current);
                let new = pointer(self.generation, self.day);
                store.flip(self.account, expected.as_ref(), &new).await?;
            }
            5 | 6 => {
                let recorded = store.record_findings(&[self.finding()]).await?;
                return Ok(format!("{recorded:?}"));
            }
            7 => {
                let marked = {
                    // People are told of every second revision.
                    let told = self.revision.is_multiple_of(2).then_some("told");
                    let at = time(self.day);
                    store.mark_sent(&key, self.revision, at, told).await?
                };
                return Ok(format!("marked {marked}"));
            }
            8 => store.triage(&key, &note("resolved", self.day)).await?,
            9 => store.quarantine(&self.quarantined()).await?,
            10 => store.release(self.id).await?,
            11 => {
                store
                    .write_document(self.account, self.id, &self.bytes())
                    .await?;
            }
            _ => {
                let committed = store.commit(&self.commit(store).await?).await?;
                return Ok(format!("{:?}", committed.findings));
            }
        }
        Ok("done".to_owned())
    }

    async fn version(&self, store: &impl Store) -> Result<Option<Version>, StoreError> {
        let read = store.read_tally(self.account, day(self.day)).await?;
        Ok(read.map(|read| read.version).filter(|_| self.is_current))
    }

    /// A finding belongs to one account whatever the operation's.
    fn finding(&self) -> crate::FindingRecord {
        let mut record = finding(self.id, self.revision);
        record.json = format!(r#"{{"content":{}}}"#, self.content);
        record
    }

    fn quarantined(&self) -> Quarantined {
        Quarantined {
            name: self.id.to_owned(),
            account: None,
            reason: "unreadable".to_owned(),
            tries: self.revision,
            first_at: time(0),
            last_at: time(self.day),
        }
    }

    async fn commit(&self, store: &impl Store) -> Result<Commit, StoreError> {
        let expected = store.pointer(self.account).await?;
        let expected = expected.filter(|_| self.is_current);
        let new = pointer(self.generation, self.day);
        let close = Close::new(expected, new, vec![self.bytes(), b"shard".to_vec()])?;
        Ok(Commit {
            account: self.account.to_owned(),
            tallies: vec![TallyWrite {
                day: day(self.day),
                bytes: self.bytes(),
                expected: self.version(store).await?,
            }],
            findings: (self.account == ACCOUNT)
                .then(|| self.finding())
                .into_iter()
                .collect(),
            documents: vec![Document {
                name: self.id.to_owned(),
                bytes: self.bytes(),
            }],
            close: (self.content > 0).then_some(close),
        })
    }
}

/// Everything that can be read, as text.
async fn contents(store: &impl Store) -> Vec<String> {
    let mut lines = Vec::new();
    for account in store.accounts().await.unwrap() {
        lines.push(format!("{account} {:?}", store.pointer(&account).await));
        for day in store.days(&account).await.unwrap() {
            let tally = store.read_tally(&account, day).await.unwrap();
            lines.push(format!("{day} {:?}", tally.map(|tally| tally.value)));
        }
        for name in ["a", "ab", "b"] {
            let document = store.read_document(&account, name).await.unwrap();
            lines.push(format!("{name} {document:?}"));
        }
        for (generation, days, number) in (1..3)
            .flat_map(|generation| (0..4).map(move |days| (generation, days)))
            .flat_map(|(generation, days)| (0..2).map(move |number| (generation, days, number)))
        {
            let mut name = shard(generation, days, number);
            name.account.clone_from(&account);
            lines.push(format!(
                "{name} {:?}",
                store.read_base(&name).await.unwrap()
            ));
        }
        let findings = store.findings(&account, None, 100).await.unwrap();
        lines.extend(findings.iter().map(|finding| format!("{finding:?}")));
    }
    for pending in store.pending(None, 100).await.unwrap() {
        lines.push(format!("pending {}", pending.record.key));
    }
    for record in store.quarantined(None, 100).await.unwrap() {
        lines.push(format!("{record:?}"));
    }
    lines
}
