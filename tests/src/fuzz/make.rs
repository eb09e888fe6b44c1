//! Inputs for the fuzz targets, from a seed: frames with right and wrong checksums, figures that hurt, noise, and
//! documents that are nearly right.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Messages that the two ends look into.
const IDS: [u32; 62] = [
    0, 1, 2, 4, 11, 20, 21, 22, 23, 24, 30, 33, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 51, 65, 66,
    70, 73, 74, 75, 76, 77, 84, 86, 109, 110, 111, 126, 147, 148, 230, 231, 232, 242, 245, 253,
    256, 12_900, 12_901, 12_904, 12_915, 54_100, 54_101, 54_102, 54_103, 54_104, 54_105, 54_106,
    54_107, 54_108, 54_109, 60_000, 16_000_000,
];
/// Commands worth trying.
const COMMANDS: [u16; 24] = [
    16, 17, 20, 21, 22, 176, 177, 178, 179, 183, 185, 192, 193, 207, 209, 224, 246, 252, 300, 400,
    511, 512, 2_000, 42_428,
];

/// The input of a seed for a target.
#[must_use]
pub fn input(target: &str, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    match target {
        "plans" => document(&mut rng),
        "logs" => log(&mut rng),
        _ => traffic(&mut rng),
    }
}

fn traffic(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut out = Vec::new();
    let n = rng.random_range(20..200);
    // An upload that begins must sometimes go on: runs of one message.
    let mut id = 0;
    let mut seq = 0u16;
    for _ in 0..n {
        let how: u8 = rng.random();
        let mut body = Vec::new();
        match rng.random_range(0..10u8) {
            0 => body.extend((0..rng.random_range(0..250)).map(|_| rng.random::<u8>())),
            1 => {
                // A start byte and lies.
                body.push(if rng.random() { 0xFD } else { 0xFE });
                body.extend((0..rng.random_range(0..60)).map(|_| rng.random::<u8>()));
            }
            _ => {
                if rng.random_range(0..3u8) > 0 {
                    id = IDS
                        .get(rng.random_range(0..IDS.len()))
                        .copied()
                        .unwrap_or(0);
                    seq = 0;
                }
                body.extend(id.to_le_bytes().iter().take(3));
                body.extend(payload(rng, id, &mut seq));
            }
        }
        body.truncate(255);
        out.push(how);
        out.push(body.len() as u8);
        out.extend(body);
    }
    out
}

fn payload(rng: &mut ChaCha8Rng, id: u32, seq: &mut u16) -> Vec<u8> {
    let len = match rng.random_range(0..8u8) {
        0 => 0,
        1 => rng.random_range(0..252),
        _ => rng.random_range(1..60),
    };
    let mut p = Vec::with_capacity(len + 8);
    while p.len() < len {
        match rng.random_range(0..10u8) {
            0 => p.extend(f32::NAN.to_le_bytes()),
            1 => p.extend(f32::INFINITY.to_le_bytes()),
            2 => p.extend(i32::MAX.to_le_bytes()),
            3 => p.extend(i32::MIN.to_le_bytes()),
            4 => p.extend([0xFF; 4]),
            5 => p.extend(277_870_000i32.to_le_bytes()),
            6 => p.extend(1.0f32.to_le_bytes()),
            7 => p.extend([0; 4]),
            _ => p.extend(rng.random::<u32>().to_le_bytes()),
        }
    }
    p.truncate(len);
    let mut put = |at: usize, b: &[u8]| {
        if p.len() < at + b.len() {
            p.resize(at + b.len(), 0);
        }
        if let Some(to) = p.get_mut(at..at + b.len()) {
            to.copy_from_slice(b);
        }
    };
    // Often addressed to us, so that it is looked into.
    match id {
        75 | 76 => {
            let c = COMMANDS
                .get(rng.random_range(0..COMMANDS.len()))
                .copied()
                .unwrap_or(0);
            put(28, &c.to_le_bytes());
            put(30, &[rng.random_range(0..2), rng.random_range(0..3)]);
        }
        39 | 73 => {
            put(28, &seq.to_le_bytes());
            put(30, &16u16.to_le_bytes());
            put(32, &[1, 1, 3, 0, 1, rng.random_range(0..4)]);
            *seq = seq.wrapping_add(1);
        }
        44 => put(
            0,
            &[
                rng.random(),
                rng.random_range(0..3),
                1,
                1,
                rng.random_range(0..4),
            ],
        ),
        40 | 51 => put(0, &[rng.random(), 0, 1, 1, rng.random_range(0..4)]),
        43 | 45 | 47 => put(0, &[1, 1, rng.random_range(0..16)]),
        54_103 => {
            put(0, &rng.random_range(0..4u32).to_le_bytes());
            put(12, &[200, 0, rng.random_range(0..5)]);
        }
        54_104 => {
            put(0, &rng.random_range(0..4u32).to_le_bytes());
            put(4, &[*seq as u8, 0, rng.random_range(0..5), 200]);
            *seq = seq.wrapping_add(1);
        }
        54_105 => put(0, &rng.random_range(0..4u32).to_le_bytes()),
        54_106 => put(28, &[1, rng.random_range(0..9)]),
        _ => {}
    }
    p
}

/// A document of some format, damaged.
fn document(rng: &mut ChaCha8Rng) -> Vec<u8> {
    const SEEDS: [&str; 7] = [
        r#"{"fileType":"Plan","version":1,"groundStation":"QGroundControl","mission":{"version":2,"firmwareType":12,"vehicleType":2,"cruiseSpeed":15,"hoverSpeed":5,"plannedHomePosition":[27.787,120.091,10],"items":[{"type":"SimpleItem","command":22,"frame":3,"doJumpId":1,"autoContinue":true,"params":[0,0,0,null,27.787,120.091,30]}]},"geoFence":{"version":2,"circles":[],"polygons":[{"inclusion":true,"version":1,"polygon":[[27.7,120.0],[27.8,120.0],[27.8,120.1]]}]},"rallyPoints":{"version":2,"points":[[27.787,120.091,30]]}}"#,
        "QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t27.787\t120.091\t10\t1\n1\t0\t3\t22\t0\t0\t0\t0\t27.787\t120.091\t30\t1\n",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"id":"b","name":"b","role":"inclusion"},"geometry":{"type":"Polygon","coordinates":[[[120.0,27.7],[120.1,27.7],[120.1,27.8],[120.0,27.7]]]}}]}"#,
        "<?xml version=\"1.0\"?><kml xmlns=\"http://www.opengis.net/kml/2.2\"><Document><Placemark><name>a</name><Polygon><outerBoundaryIs><LinearRing><coordinates>120.0,27.7,0 120.1,27.7,0 120.1,27.8,0 120.0,27.7,0</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>",
        "27.7 120.0\n27.7 120.1\n27.8 120.1\n27.7 120.0\n",
        r#"{"format":"patrol-plan/1","name":"x","items":[{"do":"takeoff","alt":30.0},{"do":"return"}]}"#,
        "PBZ1\u{1}\u{0}\u{0}\u{0}K",
    ];
    let mut b = vec![rng.random()];
    b.extend(
        SEEDS
            .get(rng.random_range(0..SEEDS.len()))
            .copied()
            .unwrap_or("")
            .bytes(),
    );
    damage(rng, &mut b);
    b
}

/// A log of some format, damaged.
fn log(rng: &mut ChaCha8Rng) -> Vec<u8> {
    use link::journal::{Disk, Journal, MemDisk};
    let mut b = Vec::new();
    if rng.random() {
        let mut disk = MemDisk::default();
        if let Ok((mut j, _)) = Journal::open(&mut disk, "x") {
            for _ in 0..rng.random_range(0..6) {
                let r: Vec<u8> = match rng.random_range(0..3u8) {
                    0 => br#"{"r":"store","id":7}"#.to_vec(),
                    1 => br#"{"r":"receipted","number":4294967295}"#.to_vec(),
                    _ => (0..rng.random_range(0..80)).map(|_| rng.random()).collect(),
                };
                let _ = j.append(&mut disk, &r);
            }
        }
        b = disk.read("x").unwrap_or_default();
    } else {
        let mut s = link::frame::Stamper::new(1, 1);
        for _ in 0..rng.random_range(0..8) {
            let mut seq = 0;
            let id = IDS
                .get(rng.random_range(0..IDS.len()))
                .copied()
                .unwrap_or(0);
            if let Some(f) = s.raw(id, &payload(rng, id, &mut seq)) {
                b.extend(link::tlog::record(
                    missions::time::Utc(1_790_000_000_000_000),
                    f.bytes(),
                ));
            }
        }
        b.extend(b"{\"t_ms\":1,\"frames\":3,\"line\":{}}\n{\"t\":\n");
    }
    damage(rng, &mut b);
    b
}

fn damage(rng: &mut ChaCha8Rng, b: &mut Vec<u8>) {
    for _ in 0..rng.random_range(0..6) {
        if b.is_empty() {
            return;
        }
        let at = rng.random_range(0..b.len());
        match rng.random_range(0..6u8) {
            0 => b.truncate(at),
            1 => {
                if let Some(x) = b.get_mut(at) {
                    *x ^= 1 << rng.random_range(0..8u8);
                }
            }
            2 => {
                let n = rng.random_range(0..64.min(b.len() - at + 1));
                let part = b.get(at..at + n).unwrap_or(&[]).to_vec();
                b.splice(at..at, part);
            }
            3 => {
                let figure: &[u8] = [
                    &b"1e999"[..],
                    b"-0",
                    b"null",
                    b"NaN",
                    b"[[[[[[[[",
                    b"\"",
                    b"99999999999999999999",
                    b"\xff\xfe",
                ]
                .get(rng.random_range(0..8usize))
                .copied()
                .unwrap_or(b"");
                b.splice(at..at, figure.iter().copied());
            }
            4 => {
                let n = rng.random_range(0..32.min(b.len() - at + 1));
                b.drain(at..at + n);
            }
            _ => {
                if let Some(x) = b.get_mut(at) {
                    *x = rng.random();
                }
            }
        }
    }
}
