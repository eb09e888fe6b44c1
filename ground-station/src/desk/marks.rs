//! How far the signed links were used, of all aircraft in one file: two writes a second, however many there are.

use super::Desk;

/// The file: for each aircraft its id, the length of its marks (u16, little-endian) and the marks.
pub(super) const FILE: &str = "links.times";

/// The marks of aircraft `id` in the file's bytes.
pub(super) fn of(file: &[u8], id: u8) -> Option<&[u8]> {
    let mut rest = file;
    loop {
        let (head, after) = rest.split_first_chunk::<3>()?;
        let [whose, low, high] = *head;
        let len = usize::from(u16::from_le_bytes([low, high]));
        let marks = after.get(..len)?;
        if whose == id {
            return Some(marks);
        }
        rest = after.get(len..)?;
    }
}

impl Desk {
    /// Moves the marks of all links on when one is due, durable before anything more is used.
    pub(super) fn tend_seals(&mut self) {
        let now = self.now;
        let mut due = false;
        for seal in self.aircraft.iter_mut().filter_map(|a| a.seal.as_mut()) {
            // Each is asked: its times go on by being asked.
            due |= seal.is_due(now);
        }
        if !due {
            return;
        }
        let mut file = Vec::new();
        for a in &mut self.aircraft {
            let Some(seal) = &mut a.seal else { continue };
            let marks = seal.advance(now);
            // At most 32 streams of 12 bytes.
            let len = u16::try_from(marks.len()).unwrap_or(u16::MAX);
            file.push(a.id);
            file.extend_from_slice(&len.to_le_bytes());
            file.extend_from_slice(&marks);
        }
        let durable = self.disk.replace(FILE, &file).is_ok();
        for seal in self.aircraft.iter_mut().filter_map(|a| a.seal.as_mut()) {
            seal.kept(durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_aircraft_finds_its_own_marks_and_none_in_a_torn_file() {
        let file = [1, 2, 0, 7, 8, 9, 1, 0, 5];
        assert_eq!(of(&file, 1), Some(&[7, 8][..]));
        assert_eq!(of(&file, 9), Some(&[5][..]));
        assert_eq!(of(&file, 2), None);
        assert_eq!(of(&file[..8], 9), None);
        assert_eq!(of(&[], 1), None);
    }
}
