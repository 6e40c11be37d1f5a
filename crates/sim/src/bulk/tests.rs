//! Bulk archives: their shares, sizes and layout, and that a seed decides every byte.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::{BulkOptions, BulkSummary, generate};
use crate::SimulatedFile;
use crate::testing::{assert_is_layout, records, stamp_seconds, time_seconds, unzip};

fn make(options: &BulkOptions) -> (Vec<SimulatedFile>, BulkSummary) {
    let mut files = Vec::new();
    let summary = generate(options, &mut |file| {
        files.push(file);
        Ok(())
    })
    .unwrap();
    (files, summary)
}

fn small() -> BulkOptions {
    BulkOptions {
        records: 6_000,
        kms_fraction: 0.5,
        median_file_bytes_compressed: 20_000,
        ..BulkOptions::default()
    }
}

#[test]
fn every_record_is_whole_and_in_time() {
    let (files, summary) = make(&small());
    let mut ids = HashSet::new();
    let mut kms = 0;
    for file in &files {
        assert_is_layout(&file.path);
        let stamp = stamp_seconds(&file.path);
        for record in records(file) {
            for field in ["eventVersion", "eventSource", "eventName", "requestID"] {
                assert!(record[field].is_string(), "{field} in {record}");
            }
            assert!(record["userIdentity"].is_object());
            assert!(ids.insert(record["eventID"].as_str().unwrap().to_owned()));
            kms += u64::from(record["eventSource"] == "kms.amazonaws.com");
            let time = time_seconds(&record);
            assert!(time <= stamp && stamp <= (time / 3_600 + 3) * 3_600);
            assert!(!record.to_string().contains('⟦'), "{record}");
        }
    }
    assert_eq!(summary.records, 6_000);
    assert_eq!(ids.len(), 6_000);
    assert_eq!(kms, summary.kms_records);
    assert!((2_700..3_300).contains(&kms), "{kms}");
    assert_eq!(summary.files, files.len() as u64);
    let bytes: u64 = files.iter().map(|file| file.bytes.len() as u64).sum();
    assert_eq!(bytes, summary.bytes_compressed);
}

#[test]
fn one_seed_is_one_archive() {
    let options = small();
    let (first, _) = make(&options);
    assert_eq!(first, make(&options).0);
    assert_ne!(first, make(&BulkOptions { seed: 2, ..options }).0);
}

#[test]
fn kms_records_look_as_counted() {
    let options = BulkOptions {
        records: 20_000,
        kms_fraction: 1.0,
        ..BulkOptions::default()
    };
    let (files, _) = make(&options);
    let mut sizes = Vec::new();
    let (mut shared, mut invoked, mut errors, mut contexts) = (0, 0, 0, 0);
    let mut identities: HashMap<String, u32> = HashMap::new();
    let mut names = HashSet::new();
    let mut first_fields = HashSet::new();
    for file in &files {
        let text = unzip(&file.bytes);
        let text = std::str::from_utf8(&text).unwrap();
        first_fields.extend(
            text.match_indices("{\"awsRegion\":")
                .map(|_| "alphabetical"),
        );
        first_fields.extend(
            text.match_indices("{\"eventVersion\":")
                .map(|_| "delivered"),
        );
        for record in records(file) {
            sizes.push(record.to_string().len());
            shared += u32::from(record["sharedEventID"].is_string());
            invoked += u32::from(record["userIdentity"]["invokedBy"].is_string());
            errors += u32::from(record["errorCode"].is_string());
            contexts += u32::from(
                record["requestParameters"]
                    .to_string()
                    .contains("ncryptionContext"),
            );
            names.insert(record["eventName"].as_str().unwrap().to_owned());
            *identities
                .entry(record["userIdentity"].to_string())
                .or_default() += 1;
            if record["eventName"] == "Decrypt" {
                assert!(record["requestParameters"]["keyId"].is_null());
            }
        }
    }
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!((1_050..1_300).contains(&median), "median {median}");
    assert!(
        sizes[0] > 500 && sizes[sizes.len() - 1] < 4_600,
        "{sizes:?}"
    );
    assert!((11_000..14_000).contains(&shared), "{shared}");
    assert!(invoked > 19_000, "{invoked}");
    assert!((50..200).contains(&errors), "{errors}");
    assert!(contexts > 19_000, "{contexts}");
    assert!(names.contains("ReEncrypt") && names.contains("PutKeyPolicy"));
    assert!(identities.len() < 5_000, "{} identities", identities.len());
    assert_eq!(first_fields.len(), 2);
}

#[test]
fn objects_may_name_keys() {
    let options = BulkOptions {
        records: 4_000,
        kms_fraction: 0.1,
        s3_data_fraction: 0.7,
        ..BulkOptions::default()
    };
    let (files, _) = make(&options);
    let all: Vec<Value> = files.iter().flat_map(records).collect();
    let objects: Vec<&Value> = all
        .iter()
        .filter(|r| r["eventCategory"] == "Data")
        .collect();
    assert!(objects.len() > 2_700);
    let with_key = objects.iter().filter(|record| {
        record["requestParameters"]["x-amz-server-side-encryption-aws-kms-key-id"].is_string()
    });
    assert!(with_key.count() > 100);
    for record in &objects {
        let name = record["requestParameters"]["key"].as_str().unwrap();
        assert!(
            record["resources"][0]["ARN"]
                .as_str()
                .unwrap()
                .ends_with(name)
        );
    }
}

#[test]
fn more_records_are_more_days() {
    let options = BulkOptions {
        records: 450_000,
        accounts: 1,
        principals: 10,
        keys: 5,
        ..BulkOptions::default()
    };
    let mut days = HashSet::new();
    let mut sizes = Vec::new();
    generate(&options, &mut |file| {
        days.insert(file.path.split('/').skip(5).take(3).collect::<String>());
        sizes.push(file.bytes.len());
        Ok(())
    })
    .unwrap();
    assert_eq!(days.len(), 3, "{days:?}");
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!((150_000..260_000).contains(&median), "median {median}");
}

#[test]
fn options_out_of_range_are_refused() {
    let good = BulkOptions::default();
    for bad in [
        BulkOptions {
            kms_fraction: 1.5,
            ..good.clone()
        },
        BulkOptions {
            kms_fraction: f64::NAN,
            ..good.clone()
        },
        BulkOptions {
            s3_data_fraction: 0.95,
            ..good.clone()
        },
        BulkOptions {
            accounts: 0,
            ..good.clone()
        },
        BulkOptions {
            accounts: 17,
            ..good.clone()
        },
        BulkOptions {
            keys: 1,
            ..good.clone()
        },
        BulkOptions {
            median_file_bytes_compressed: 10,
            ..good
        },
    ] {
        assert!(generate(&bad, &mut |_| Ok(())).is_err(), "{bad:?}");
    }
    let nothing = BulkOptions {
        records: 0,
        ..BulkOptions::default()
    };
    assert_eq!(
        generate(&nothing, &mut |_| Ok(())).unwrap(),
        BulkSummary::default()
    );
}
