//! A good record raises no alarm; whatever is done to it is found and placed. The long campaign is `bench-record`.

use super::*;
use crate::evidence::campaign::{Campaign, Folder, good_record};

fn good() -> Folder {
    good_record(3, 40)
}

fn report(f: &Folder) -> Report {
    verify(f, &Asked::default()).unwrap()
}

#[test]
fn a_good_record_is_intact_and_complete_and_says_who_signed() {
    let f = good();
    let key = crate::evidence::key::Signer::from_seed(&[7; 32]).public();
    let asked = Asked {
        key: Some(key.fingerprint()),
        kept: Vec::new(),
    };
    let r = verify(&f, &asked).unwrap();
    assert_eq!(r.findings, []);
    assert!(r.is_complete());
    assert_eq!(r.key_is_known, Some(true));
    assert_eq!(r.not_covered, ["flight.rrd"]);
    assert!(r.entries > 38, "{} segments in 40 s", r.entries);
    let everything: usize = f.0.iter().filter(|(n, _)| *n != "flight.rrd").count();
    assert_eq!(r.files as usize, everything);
    let other = Asked {
        key: Some("0".repeat(32)),
        kept: Vec::new(),
    };
    assert!(!verify(&f, &other).unwrap().is_intact());
}

#[test]
fn the_end_cut_off_at_a_segment_is_not_called_complete_and_a_receipted_head_betrays_it() {
    let mut f = good();
    let chain = f.0[CHAIN].clone();
    let all = entries::read(&chain, None).good;
    let head = |i: usize| Kept {
        flight: all[0].entry.open.as_ref().unwrap().flight.clone(),
        n: all[i].entry.n,
        head: hex(&all[i].hash),
    };
    // Everything after the 20th entry is taken away, with skill.
    let cut = 20;
    f.0.remove(MANIFEST);
    f.0.remove(SIGNATURE_FILE);
    f.0.insert(CHAIN.into(), chain[..all[cut].offset as usize].to_vec());
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    for g in &all[..cut] {
        for s in &g.entry.spans {
            ends.insert(s.file.clone(), s.from + s.len);
        }
    }
    for (name, end) in &ends {
        f.0.get_mut(name).unwrap().truncate(*end as usize);
    }
    let r = report(&f);
    assert_eq!(r.findings, []);
    assert_eq!(r.end, End::Open);
    assert!(!r.is_complete());
    let with = |i: usize| {
        let asked = Asked {
            key: None,
            kept: vec![head(i)],
        };
        verify(&f, &asked).unwrap()
    };
    let r = with(15);
    assert!(matches!(r.end, End::ReceiptedUpTo { n: 15, .. }));
    assert!(!r.is_complete());
    let r = with(25);
    assert_eq!(r.findings[0].kind, Kind::Truncated);
    assert_eq!(r.findings[0].segment, Some(20));
}

#[test]
fn each_kind_of_damage_has_its_name_and_place() {
    let f = good();
    let all = entries::read(&f.0[CHAIN], None).good;
    let span = all[10]
        .entry
        .spans
        .iter()
        .find(|s| s.file == "flight.tlog")
        .unwrap()
        .clone();
    let lens: Vec<u64> = read_map(&span.map).unwrap().iter().map(|r| r.0).collect();
    let before: u64 = all[..10]
        .iter()
        .flat_map(|g| &g.entry.spans)
        .filter(|s| s.file == "flight.tlog")
        .map(|s| s.records)
        .sum();
    let (a, b) = (span.from as usize, (span.from + lens[0]) as usize);
    let c = b + lens[1] as usize;
    let tlog = f.0["flight.tlog"].clone();
    let hurt = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut g = Folder(f.0.clone());
        edit(g.0.get_mut("flight.tlog").unwrap());
        let mut r = report(&g);
        assert!(!r.is_intact());
        r.findings.remove(0)
    };
    let place = |f: &Finding| (f.kind, f.offset, f.segment, f.record);
    let f1 = hurt(&|t| t[a + 9] ^= 1);
    assert_eq!(
        place(&f1),
        (Kind::Changed, a as u64, Some(10), Some(before))
    );
    assert_eq!(f1.len, lens[0]);
    let f2 = hurt(&|t| drop(t.drain(a..b)));
    assert_eq!(
        place(&f2),
        (Kind::Missing, a as u64, Some(10), Some(before))
    );
    let f3 = hurt(&|t| drop(t.splice(b..b, tlog[..40].to_vec())));
    assert_eq!(
        place(&f3),
        (Kind::Inserted, b as u64, Some(10), Some(before + 1))
    );
    let f4 = hurt(&|t| {
        let (x, y) = (tlog[a..b].to_vec(), tlog[b..c].to_vec());
        t.splice(a..c, y.into_iter().chain(x));
    });
    assert_eq!(f4.offset, a as u64);
    assert!(matches!(f4.kind, Kind::Missing | Kind::Reordered), "{f4:?}");
    let f5 = hurt(&|t| t.truncate(t.len() - 3));
    assert_eq!(f5.kind, Kind::Truncated);
    assert!(f5.segment.unwrap() > 35);
}

#[test]
fn a_file_that_was_added_and_one_that_is_gone_are_named() {
    let mut f = good();
    f.0.insert("pictures/new.jpg".into(), b"x".to_vec());
    f.0.remove("plan.json");
    let r = report(&f);
    let told: Vec<(Kind, &str)> = r
        .findings
        .iter()
        .map(|f| (f.kind, f.file.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Kind::Inserted, "pictures/new.jpg"),
            (Kind::Missing, "plan.json")
        ]
    );
}

/// A slice of the campaign.
#[test]
fn three_hundred_random_corruptions_are_found_and_placed() {
    let result = Campaign {
        seed: 11,
        rounds: 300,
    }
    .run(&mut |_| {});
    assert_eq!(result.missed, Vec::<String>::new());
    assert_eq!(result.misplaced, Vec::<String>::new());
    assert_eq!(result.false_alarms, Vec::<String>::new());
    assert_eq!(result.betrayed_not, Vec::<String>::new());
    assert!(result.rounds == 300 && result.good_checked >= 10);
}
