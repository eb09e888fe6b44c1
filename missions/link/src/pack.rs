//! A plan bundle as it travels: the plan's own bytes, deflated, behind a mark with version and length.
//!
//! The plan's identity stays the hash of its own bytes; packing only makes it small enough for a slow radio. Unpacking
//! is bounded before anything is allocated: a bomb is refused, not inflated.

use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use std::io::{Read, Write};

/// Mark and version.
const MAGIC: [u8; 4] = *b"PBZ1";
/// Longest plan, bytes.
pub const MAX_PLAN: usize = 1 << 20;

/// Packs a plan. `None` when it is longer than [`MAX_PLAN`].
///
/// ```
/// let plan = br#"{"format":"patrol-plan/1"}"#;
/// let packed = link::pack::pack(plan).unwrap();
/// assert_eq!(link::pack::unpack(&packed).unwrap(), plan);
/// ```
#[must_use]
pub fn pack(plan: &[u8]) -> Option<Vec<u8>> {
    if plan.len() > MAX_PLAN {
        return None;
    }
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&u32::try_from(plan.len()).ok()?.to_le_bytes());
    let mut z = DeflateEncoder::new(out, flate2::Compression::best());
    z.write_all(plan).ok()?;
    z.finish().ok()
}

/// The plan inside. `None` when it is no packed plan, is cut, or its length is not the one stated.
#[must_use]
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (magic, rest) = packed.split_first_chunk::<4>()?;
    let (len, body) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    if *magic != MAGIC || len > MAX_PLAN {
        return None;
    }
    let mut plan = Vec::new();
    // One byte more than stated shows that there is more.
    DeflateDecoder::new(body)
        .take(len as u64 + 1)
        .read_to_end(&mut plan)
        .ok()?;
    (plan.len() == len).then_some(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again_and_damage_never_comes_out_longer(
            plan in proptest::collection::vec(any::<u8>(), 0..3_000),
            hit in any::<proptest::sample::Index>(),
        ) {
            let packed = pack(&plan).unwrap();
            prop_assert_eq!(unpack(&packed).unwrap(), plan);
            let mut bad = packed.clone();
            let at = hit.index(bad.len());
            bad[at] ^= 0x55;
            prop_assert!(unpack(&bad).is_none_or(|p| p.len() <= MAX_PLAN));
            prop_assert!(unpack(&packed[..hit.index(packed.len())]).is_none());
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_swells() {
        let mut bomb = MAGIC.to_vec();
        bomb.extend_from_slice(&100u32.to_le_bytes());
        let mut z = DeflateEncoder::new(bomb, flate2::Compression::best());
        z.write_all(&vec![0u8; 50 << 20]).unwrap();
        assert_eq!(unpack(&z.finish().unwrap()), None);
        assert!(pack(&vec![0; MAX_PLAN + 1]).is_none());
    }
}
