//! `export`: a recorded flight for people outside: the evidence pack, and other tools' formats.

use super::settings::Settings;
use crate::evidence::export::pack::{self, Releaser, two_people};
use crate::evidence::export::{Facts, anomalies_csv, events_csv, geojson, kml, mcap, track_csv};
use crate::evidence::io::{Folder, Syncing, load_or_make};
use crate::record::{PICTURES, draw_rrd, is_sha256, open};
use anyhow::{Context, bail, ensure};
use link_io::Clock;
use missions::time::Utc;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Folder of a recorded flight, or for all but --pack a log: .tlog, .ulg, .bin
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Evidence pack: a zip of the whole record with list, instructions and release; needs two --release-by
    #[arg(long, value_name = "FILE", requires = "release_by")]
    pack: Option<PathBuf>,
    /// Who releases the pack, with the file of their own key (made when absent); two different people
    #[arg(long, value_name = "NAME=KEYFILE", value_parser = releaser)]
    release_by: Vec<(String, PathBuf)>,
    /// What the pack is released for
    #[arg(long, value_name = "TEXT", default_value = "")]
    purpose: String,
    /// MCAP for robotics tools
    #[arg(long, value_name = "FILE")]
    mcap: Option<PathBuf>,
    /// Folder for track.csv, anomalies.csv and events.csv
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// KML with times
    #[arg(long, value_name = "FILE")]
    kml: Option<PathBuf>,
    /// GeoJSON
    #[arg(long, value_name = "FILE")]
    geojson: Option<PathBuf>,
    /// Rerun recording, drawn anew from the record
    #[arg(long, value_name = "FILE")]
    rrd: Option<PathBuf>,
}

/// `NAME=KEYFILE`.
///
/// # Errors
/// In plain words.
pub fn releaser(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.trim().is_empty() && !file.is_empty() => {
            Ok((name.trim().to_owned(), file.into()))
        }
        _ => Err("NAME=KEYFILE, such as \"Li Na=li-na.key\"".into()),
    }
}

/// A new file; what is there already is not written over.
fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create_new(path)
        .with_context(|| format!("making {} (nothing is written over)", path.display()))?;
    Ok(BufWriter::new(file))
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut f = create(path)?;
    f.write_all(bytes)
        .and_then(|()| f.flush())
        .with_context(|| format!("writing {}", path.display()))
}

/// Runs it.
pub fn run(a: &Export, s: &Settings) -> anyhow::Result<ExitCode> {
    let (dir, files) = open(&a.dir)?;
    let outs = [&a.pack, &a.mcap, &a.csv, &a.kml, &a.geojson, &a.rrd];
    ensure!(
        outs.iter().any(|o| o.is_some()),
        "nothing is asked for: give --pack, --mcap, --csv, --kml, --geojson or --rrd"
    );
    let inside = std::path::absolute(&dir)?;
    for out in outs.iter().filter_map(|o| o.as_ref()) {
        if a.dir.is_dir() && std::path::absolute(out)?.starts_with(&inside) {
            bail!("{}: not into the record itself", out.display());
        }
    }
    let facts = Facts::read(&files.tlog, &files.events, &|sha| {
        is_sha256(sha)
            .then(|| std::fs::read(dir.join(PICTURES).join(format!("{sha}.jpg"))).ok())
            .flatten()
    });
    let mut made: Vec<&Path> = Vec::new();
    if let Some(p) = &a.mcap {
        write(p, &mcap(&facts)?)?;
        made.push(p);
    }
    if let Some(p) = &a.csv {
        std::fs::create_dir_all(p).with_context(|| format!("creating {}", p.display()))?;
        write(&p.join("track.csv"), track_csv(&facts).as_bytes())?;
        write(&p.join("anomalies.csv"), anomalies_csv(&facts).as_bytes())?;
        write(&p.join("events.csv"), events_csv(&facts).as_bytes())?;
        made.push(p);
    }
    if let Some(p) = &a.kml {
        write(p, kml(&facts).as_bytes())?;
        made.push(p);
    }
    if let Some(p) = &a.geojson {
        write(p, geojson(&facts).as_bytes())?;
        made.push(p);
    }
    if let Some(p) = &a.rrd {
        ensure!(
            !p.exists(),
            "{} exists: nothing is written over",
            p.display()
        );
        draw_rrd(p, &files, &dir)?;
        made.push(p);
    }
    let mut intact = true;
    if let Some(p) = &a.pack {
        ensure!(
            a.dir.is_dir(),
            "{} is a log of somebody else: it has no chain to release",
            a.dir.display()
        );
        let mut by = Vec::new();
        for (name, file) in &a.release_by {
            let (signer, new) = load_or_make(file)?;
            if new {
                eprintln!(
                    "{name}'s key was made: {} ({})",
                    file.display(),
                    signer.public().fingerprint()
                );
            }
            by.push(Releaser {
                name: name.clone(),
                signer,
            });
        }
        // Before a file is made.
        two_people(&by)?;
        let more = [
            ("track.csv".to_owned(), track_csv(&facts).into_bytes()),
            (
                "anomalies.csv".to_owned(),
                anomalies_csv(&facts).into_bytes(),
            ),
            ("events.csv".to_owned(), events_csv(&facts).into_bytes()),
        ];
        let utc = Clock::start().now().utc.valid().unwrap_or(Utc(0));
        let mut out = create(p)?;
        let folder = Folder::open(&dir, Syncing::Always)?;
        let report = pack::write(&mut out, &folder, &by, utc, &a.purpose, &more)?;
        out.flush()
            .with_context(|| format!("writing {}", p.display()))?;
        out.get_ref().sync_all()?;
        intact = report.is_intact();
        if !s.json {
            print!("{}", super::verify::in_words(&report));
        }
        made.push(p);
    }
    if s.json {
        println!(
            "{}",
            serde_json::json!({"made": made, "record_intact": intact})
        );
    } else {
        for p in made {
            println!("made          {}", p.display());
        }
    }
    if !intact {
        eprintln!("the record is damaged; the pack says where");
    }
    Ok(if intact {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
