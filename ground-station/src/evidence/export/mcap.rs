//! MCAP for robotics tools: every frame as it was, every line, each aircraft's position and each picture in Foxglove's
//! JSON schemas, so that its map and image panels open them.

use super::facts::Facts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mcap::records::MessageHeader;
use mcap::{Compression, WriteOptions, Writer};
use missions::time::Utc;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Cursor;

const LOCATION: &str = r#"{"title":"foxglove.LocationFix","type":"object","properties":{"timestamp":{"type":"object","properties":{"sec":{"type":"integer"},"nsec":{"type":"integer"}}},"frame_id":{"type":"string"},"latitude":{"type":"number"},"longitude":{"type":"number"},"altitude":{"type":"number"},"position_covariance":{"type":"array","items":{"type":"number"}},"position_covariance_type":{"type":"integer"}}}"#;
const IMAGE: &str = r#"{"title":"foxglove.CompressedImage","type":"object","properties":{"timestamp":{"type":"object","properties":{"sec":{"type":"integer"},"nsec":{"type":"integer"}}},"frame_id":{"type":"string"},"data":{"type":"string","contentEncoding":"base64"},"format":{"type":"string"}}}"#;
const LINE: &str = r#"{"title":"patrol.Line","type":"object","properties":{"t_ms":{"type":"integer"},"frame":{"type":"integer"},"type":{"type":"string"}}}"#;
const CHUNK: u64 = 64 * 1024;

fn nanos(utc: Utc) -> u64 {
    u64::try_from(utc.0).unwrap_or(0).saturating_mul(1_000)
}

fn stamp(utc: Utc) -> Value {
    json!({"sec": utc.0.div_euclid(1_000_000), "nsec": utc.0.rem_euclid(1_000_000) * 1_000})
}

/// One channel's next message.
struct Out {
    writer: Writer<Cursor<Vec<u8>>>,
    counts: BTreeMap<u16, u32>,
}

impl Out {
    fn channel(
        &mut self,
        topic: &str,
        encoding: &str,
        schema: Option<(&str, &str)>,
    ) -> anyhow::Result<u16> {
        let schema = match schema {
            Some((name, text)) => self
                .writer
                .add_schema(name, "jsonschema", text.as_bytes())?,
            None => 0,
        };
        Ok(self
            .writer
            .add_channel(schema, topic, encoding, &BTreeMap::new())?)
    }
    fn put(&mut self, channel: u16, utc: Utc, bytes: &[u8]) -> anyhow::Result<()> {
        let n = self.counts.entry(channel).or_default();
        *n = n.wrapping_add(1);
        let header = MessageHeader {
            channel_id: channel,
            sequence: *n,
            log_time: nanos(utc),
            publish_time: nanos(utc),
        };
        self.writer.write_to_known_channel(&header, bytes)?;
        Ok(())
    }
}

/// The recording as one MCAP file.
///
/// # Errors
/// When it does not fit the format.
pub fn mcap(facts: &Facts) -> anyhow::Result<Vec<u8>> {
    let writer = WriteOptions::new()
        .compression(Some(Compression::Lz4))
        .chunk_size(Some(CHUNK))
        .profile("")
        .library(concat!("ground-station ", env!("CARGO_PKG_VERSION")))
        .create(Cursor::new(Vec::new()))?;
    let mut out = Out {
        writer,
        counts: BTreeMap::new(),
    };
    let frames = out.channel("/mavlink", "mavlink", None)?;
    for (utc, f) in &facts.frames {
        out.put(frames, *utc, f.bytes())?;
    }
    for (system, fixes) in facts.tracks() {
        let schema = Some(("foxglove.LocationFix", LOCATION));
        let channel = out.channel(&format!("/aircraft/{system}/position"), "json", schema)?;
        for f in fixes {
            let fix = json!({
                "timestamp": stamp(f.utc), "frame_id": format!("aircraft_{system}"),
                "latitude": f.lat_deg, "longitude": f.lon_deg, "altitude": f.alt_amsl_m,
                "position_covariance": [0, 0, 0, 0, 0, 0, 0, 0, 0], "position_covariance_type": 0,
            });
            out.put(channel, f.utc, fix.to_string().as_bytes())?;
        }
    }
    let lines = out.channel("/events", "json", Some(("patrol.Line", LINE)))?;
    let pictures = out.channel(
        "/pictures",
        "json",
        Some(("foxglove.CompressedImage", IMAGE)),
    )?;
    for l in &facts.lines {
        let utc = Utc(l.t_ms.saturating_mul(1_000));
        out.put(lines, utc, &serde_json::to_vec(l)?)?;
        if let crate::record::line::Fact::Picture { sha256 } = &l.fact
            && let Some(jpeg) = facts.pictures.get(sha256)
        {
            let image = json!({
                "timestamp": stamp(utc), "frame_id": sha256, "format": "jpeg", "data": STANDARD.encode(jpeg),
            });
            out.put(pictures, utc, image.to_string().as_bytes())?;
        }
    }
    out.writer.finish()?;
    Ok(out.writer.into_inner().into_inner())
}
