//! The evidence pack: one zip with the whole record as it lies, a list of everything with its hash, how to verify it
//! without us, the verifier's report, and the release by two people.
//!
//! Two people release: each signs the list with a key of their own. The same name or the same key twice is one person.

use crate::evidence::files::Files;
use crate::evidence::key::{PublicKey, Signer, from_hex};
use crate::evidence::manifest::is_rerun;
use crate::evidence::verify::{Asked, Report, verify};
use anyhow::{Context, bail, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use missions::plan::hex;
use missions::time::Utc;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Write;

/// The list: SHA-256, two spaces, name, as `sha256sum -c` reads it. 清单 means list.
pub const LIST: &str = "清单-MANIFEST.sha256";
/// Who released it.
pub const RELEASE: &str = "release.json";
/// The record's files lie below.
pub const RECORD: &str = "record";
const FORMAT: &str = "patrol-release/1";
/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;
const READ_ME_ZH: &str = include_str!("read_me.zh-CN.txt");
const READ_ME_EN: &str = include_str!("read_me.en.txt");
const RECORD_MD: &str = include_str!("../../../../docs/record.md");
const VERIFIER: &str = include_str!("../../../../tests/peers/verify_record.py");

/// Somebody who releases a pack.
#[derive(Clone, Debug)]
pub struct Releaser {
    /// Name and rank as it shall be read.
    pub name: String,
    /// Their own key.
    pub signer: Signer,
}

/// A release as it stands in the pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// `patrol-release/1`.
    pub format: String,
    /// SHA-256 of the list, hex.
    pub list_sha256: String,
    /// When, µs since 1970.
    pub t_us: i64,
    /// Why.
    pub purpose: String,
    /// Two people or more.
    pub by: Vec<Signed>,
}

/// One person's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Name.
    pub name: String,
    /// Public key, hex.
    pub key: String,
    /// Over [`released_bytes`], hex.
    pub signature: String,
}

/// What each person signs.
#[must_use]
pub fn released_bytes(list_sha256: &str, t_us: i64, purpose: &str, name: &str) -> Vec<u8> {
    format!("{FORMAT}\n{list_sha256}\n{t_us}\n{purpose}\n{name}\n").into_bytes()
}

/// Two different people, or an error.
///
/// # Errors
/// In plain words.
pub fn two_people(by: &[Releaser]) -> anyhow::Result<()> {
    ensure!(
        by.len() >= 2,
        "two people release an evidence pack: give --release-by twice"
    );
    for (i, a) in by.iter().enumerate() {
        let name = a.name.trim();
        ensure!(
            !name.is_empty() && !name.contains('\n'),
            "a release needs a name on one line"
        );
        for b in by.iter().skip(i + 1) {
            if name.to_lowercase() == b.name.trim().to_lowercase() {
                bail!("{name} cannot release it twice: a second person must");
            }
            if a.signer.public() == b.signer.public() {
                bail!(
                    "{name} and {} use the same key: each needs their own",
                    b.name
                );
            }
        }
    }
    Ok(())
}

/// Checks a release against the list that it is about. What is wrong, in plain words.
///
/// # Errors
/// In plain words.
pub fn check(release: &Release, list: &[u8]) -> Result<(), String> {
    let list_sha256 = hex(&Sha256::digest(list));
    if release.format != FORMAT || release.list_sha256 != list_sha256 {
        return Err("the release is not of this list".into());
    }
    let mut people = std::collections::BTreeSet::new();
    let mut keys = std::collections::BTreeSet::new();
    for s in &release.by {
        let key = PublicKey::from_hex(&s.key).ok_or_else(|| format!("{}: no key", s.name))?;
        let signature = from_hex(&s.signature).unwrap_or_default();
        let bytes = released_bytes(&list_sha256, release.t_us, &release.purpose, &s.name);
        if !key.holds(&bytes, &signature) {
            return Err(format!("{}: the signature does not hold", s.name));
        }
        people.insert(s.name.trim().to_lowercase());
        keys.insert(s.key.clone());
    }
    if people.len() < 2 || keys.len() < 2 {
        return Err("fewer than two people released it".into());
    }
    Ok(())
}

struct Zip<W: Write> {
    archive: ZipArchiveWriter<W>,
    list: String,
}

impl<W: Write> Zip<W> {
    /// Adds a file from pieces of it.
    fn add(
        &mut self,
        name: &str,
        listed: bool,
        next: &mut dyn FnMut() -> anyhow::Result<Option<Vec<u8>>>,
    ) -> anyhow::Result<()> {
        let (mut entry, config) = self
            .archive
            .new_file(name)
            .compression_method(CompressionMethod::DEFLATE)
            .start()?;
        let mut data = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
        let mut hash = Sha256::new();
        while let Some(bytes) = next()? {
            hash.update(&bytes);
            data.write_all(&bytes)?;
        }
        let (encoder, descriptor) = data.finish()?;
        encoder.finish()?;
        entry.finish(descriptor)?;
        if listed {
            self.list
                .push_str(&format!("{}  {name}\n", hex(&hash.finalize())));
        }
        Ok(())
    }

    fn bytes(&mut self, name: &str, listed: bool, bytes: &[u8]) -> anyhow::Result<()> {
        let mut once = Some(bytes.to_vec());
        self.add(name, listed, &mut || Ok(once.take()))
    }
}

/// Writes the pack. The record is verified first, and its report lies in the pack: damaged evidence is released as what it
/// is. `more`: other formats to lie beside the record, by name.
///
/// # Errors
/// When there are not two people, or something cannot be read or written.
pub fn write(
    out: impl Write,
    files: &dyn Files,
    by: &[Releaser],
    utc: Utc,
    purpose: &str,
    more: &[(String, Vec<u8>)],
) -> anyhow::Result<Report> {
    two_people(by)?;
    ensure!(!purpose.contains('\n'), "the purpose stands on one line");
    let report = verify(files, &Asked::default()).map_err(|e| anyhow::anyhow!(e))?;
    let mut zip = Zip {
        archive: ZipArchiveWriter::new(out),
        list: String::new(),
    };
    for f in files.list().map_err(|e| anyhow::anyhow!(e))? {
        ensure!(
            f.plain,
            "{} is no plain file: it cannot be released",
            f.name
        );
        if is_rerun(&f.name) {
            continue;
        }
        let mut at = 0;
        zip.add(&format!("{RECORD}/{}", f.name), true, &mut || {
            let bytes = files
                .read_at(&f.name, at, CHUNK)
                .map_err(|e| anyhow::anyhow!(e))?;
            at += bytes.len() as u64;
            Ok((!bytes.is_empty()).then_some(bytes))
        })
        .with_context(|| format!("packing {}", f.name))?;
    }
    for (name, bytes) in more {
        zip.bytes(name, true, bytes)?;
    }
    zip.bytes("verify.json", true, &serde_json::to_vec_pretty(&report)?)?;
    zip.bytes("核验说明.zh-CN.txt", true, READ_ME_ZH.as_bytes())?;
    zip.bytes("HOW-TO-VERIFY.en.txt", true, READ_ME_EN.as_bytes())?;
    zip.bytes("record-format.md", true, RECORD_MD.as_bytes())?;
    zip.bytes("verify_record.py", true, VERIFIER.as_bytes())?;
    let list = zip.list.clone();
    zip.bytes(LIST, false, list.as_bytes())?;
    let list_sha256 = hex(&Sha256::digest(list.as_bytes()));
    let release = Release {
        format: FORMAT.into(),
        t_us: utc.0,
        purpose: purpose.into(),
        by: by
            .iter()
            .map(|r| Signed {
                name: r.name.trim().to_owned(),
                key: r.signer.public().hex(),
                signature: hex(&r.signer.sign(&released_bytes(
                    &list_sha256,
                    utc.0,
                    purpose,
                    r.name.trim(),
                ))),
            })
            .collect(),
        list_sha256,
    };
    zip.bytes(RELEASE, false, &serde_json::to_vec_pretty(&release)?)?;
    zip.archive.finish()?;
    Ok(report)
}
