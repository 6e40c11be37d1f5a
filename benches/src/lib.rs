//! Deliveries for benches: the same bytes from the same seed.

pub mod archive;

use keytrail_sim::SimulatedFile;
use keytrail_sim::bulk::{self, BulkOptions};

/// Records of one set of deliveries.
const RECORDS: u64 = 20_000;

/// A mix of records.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    /// The mix's name in reports.
    pub name: &'static str,
    /// The share of KMS records.
    pub kms_fraction: f64,
    /// The share of S3 data events.
    pub s3_data_fraction: f64,
}

/// The mixes that are measured.
pub const MIXES: [Mix; 3] = [
    Mix {
        name: "10 % KMS",
        kms_fraction: 0.1,
        s3_data_fraction: 0.0,
    },
    Mix {
        name: "KMS only",
        kms_fraction: 1.0,
        s3_data_fraction: 0.0,
    },
    Mix {
        name: "70 % S3 data",
        kms_fraction: 0.1,
        s3_data_fraction: 0.7,
    },
];

/// The deliveries of a mix, decompressed.
///
/// # Panics
/// When the simulator fails, which would be a bug in it.
#[must_use]
#[allow(clippy::expect_used)]
pub fn deliveries(mix: Mix) -> Vec<Vec<u8>> {
    let options = BulkOptions {
        records: RECORDS,
        kms_fraction: mix.kms_fraction,
        s3_data_fraction: mix.s3_data_fraction,
        ..BulkOptions::default()
    };
    let mut deliveries = Vec::new();
    bulk::generate(&options, &mut |file: SimulatedFile| {
        deliveries.push(decompress(&file.bytes));
        Ok(())
    })
    .expect("the options are in range");
    deliveries
}

#[allow(clippy::expect_used)]
fn decompress(gzip: &[u8]) -> Vec<u8> {
    // The last four bytes of a gzip member hold its decompressed size (RFC 1952).
    let size = gzip
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size));
    let mut bytes = vec![0; size as usize];
    libdeflater::Decompressor::new()
        .gzip_decompress(gzip, &mut bytes)
        .expect("the simulator writes gzip");
    bytes
}
