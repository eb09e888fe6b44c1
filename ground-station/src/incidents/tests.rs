use super::*;
use link::journal::MemDisk;
use missions::anomaly::Priority;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// Ten in the morning of some day, ms.
const T0: i64 = 1_789_000_000_000;
const MIN: i64 = 60_000;

/// A disk that outlives the program on it, and breaks when told to.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<(MemDisk, bool)>>);

impl Shared {
    fn breaks(&self, broken: bool) {
        self.0.lock().unwrap().1 = broken;
    }
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.read(FILE).unwrap()
    }
}

impl Disk for Shared {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let mut d = self.0.lock().unwrap();
        if d.1 {
            // Half of it reaches the disk, as when power fails.
            let half = bytes.get(..bytes.len() / 2).unwrap_or(&[]).to_vec();
            d.0.append(file, &half)?;
            return Err(DiskError::Full {
                doing: "appending to",
                file: file.into(),
            });
        }
        d.0.append(file, bytes)
    }
    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.0.lock().unwrap().0.sync(file)
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        self.0.lock().unwrap().0.read(file)
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.lock().unwrap().0.replace(file, bytes)
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        let mut d = self.0.lock().unwrap();
        if d.1 {
            return Err(DiskError::Full {
                doing: "cutting",
                file: file.into(),
            });
        }
        d.0.truncate(file, len)
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.0.lock().unwrap().0.list()
    }
}

fn fresh() -> (Shared, Incidents) {
    let disk = Shared::default();
    let book = Incidents::open(Box::new(disk.clone())).unwrap();
    (disk, book)
}

fn by_hand() -> Step {
    Step::Open {
        words: "有人翻越护栏".into(),
        priority: Priority::High,
        lat_deg: 27.8,
        lon_deg: 120.1,
        anomaly: None,
        seen: None,
    }
}

fn seen(id: &str) -> Seen {
    Seen {
        id: id.into(),
        number: 3,
        what: "unknown_drone".into(),
        aircraft: 1,
        flagged_ms: T0,
        at: [120.1, 27.8],
        major_m: 4.0,
        picture: Some("ab".repeat(32)),
    }
}

fn team(owner: &str, due_ms: i64) -> Step {
    Step::Task {
        to: Assignee::Team("江边二组".into()),
        owner: owner.into(),
        due_ms,
        words: String::new(),
    }
}

fn outcome(outcome: Outcome) -> Step {
    Step::Outcome {
        outcome,
        words: "劝离".into(),
    }
}

fn review(agree: bool) -> Step {
    Step::Review {
        agree,
        words: if agree { "" } else { "缺照片" }.into(),
    }
}

fn note() -> Step {
    Step::Note { words: "n".into() }
}

impl Incidents {
    fn do_it(&mut self, t_ms: i64, who: &str, about: Option<u32>, step: Step) -> u32 {
        let done = self.act(t_ms, who, "", about, step.clone());
        done.unwrap_or_else(|r| panic!("{step:?}: {}", r.code))
            .number
    }
    fn refuses(&mut self, t_ms: i64, who: &str, about: Option<u32>, step: Step) -> String {
        let before = self.book.clone();
        let r = self.act(t_ms, who, "", about, step).unwrap_err();
        assert_eq!(self.book, before, "a refusal changes nothing");
        r.code
    }
    fn state(&self, n: u32) -> State {
        self.book.incident(n).unwrap().state
    }
}

#[test]
fn an_anomaly_is_confirmed_tasked_looked_at_reviewed_by_another_and_closed() {
    let (disk, mut b) = fresh();
    let n = b.do_it(
        T0,
        "王建国",
        None,
        Step::Open {
            words: String::new(),
            priority: Priority::Urgent,
            lat_deg: 27.8,
            lon_deg: 120.1,
            anomaly: Some("s-3".into()),
            seen: Some(seen("s-3")),
        },
    );
    assert_eq!((n, b.state(n)), (1, State::Open));
    assert_eq!(b.book.incident_of("s-3"), Some(1));
    // Somebody is to be sent within five minutes.
    let i = b.book.incident(n).unwrap();
    assert_eq!((i.due_ms(), i.owner()), (Some(T0 + 5 * MIN), None));
    b.do_it(T0 + MIN, "王建国", Some(n), team("陈强", T0 + 20 * MIN));
    let i = b.book.incident(n).unwrap();
    assert_eq!(
        (i.state, i.due_ms(), i.owner()),
        (State::Tasked, Some(T0 + 20 * MIN), Some("陈强"))
    );
    // Nobody has been there: nothing can have been resolved.
    let resolved = outcome(Outcome::Resolved);
    let why = b.refuses(T0 + 2 * MIN, "王建国", Some(n), resolved.clone());
    assert_eq!(why, "incident.not_on_scene");
    let arrive = Step::Arrive {
        task: 1,
        words: "到了".into(),
    };
    b.do_it(T0 + 9 * MIN, "王建国", Some(n), arrive.clone());
    assert_eq!(b.state(n), State::OnScene);
    assert_eq!(
        b.refuses(T0 + 9 * MIN, "王建国", Some(n), arrive),
        "incident.no_task"
    );
    b.do_it(T0 + 30 * MIN, "王建国", Some(n), resolved);
    let t = T0 + 40 * MIN;
    let close = Step::Close {
        words: String::new(),
    };
    assert_eq!(
        b.refuses(t, "赵敏", Some(n), close.clone()),
        "incident.wrong_state"
    );
    // Whoever says what came of it, or was responsible on the scene, does not judge it.
    for who in ["王建国", "陈强"] {
        assert_eq!(
            b.refuses(t, who, Some(n), review(true)),
            "incident.same_person"
        );
    }
    b.do_it(t, "赵敏", Some(n), review(true));
    b.do_it(t + MIN, "王建国", Some(n), close);
    let i = b.book.incident(n).unwrap();
    assert_eq!(
        (i.state, i.due_ms(), i.owner()),
        (State::Closed, None, None)
    );
    // What was done says who and when, and is there after a restart.
    let who: Vec<(&str, &str)> = i
        .deeds
        .iter()
        .map(|d| (d.step.word(), d.who.as_str()))
        .collect();
    assert_eq!(
        who,
        [
            ("open", "王建国"),
            ("task", "王建国"),
            ("arrive", "王建国"),
            ("outcome", "王建国"),
            ("review", "赵敏"),
            ("close", "王建国")
        ]
    );
    assert_eq!(
        b.refuses(t + 2 * MIN, "王建国", Some(n), note()),
        "incident.wrong_state"
    );
    let again = Incidents::open(Box::new(disk)).unwrap();
    assert_eq!((again.book(), again.damaged()), (b.book(), (0, 0)));
}

#[test]
fn a_review_sends_it_back_and_a_closed_one_is_opened_again_with_a_reason_and_reviewed_again() {
    let (_, mut b) = fresh();
    let n = b.do_it(T0, "甲", None, by_hand());
    b.do_it(T0, "甲", Some(n), outcome(Outcome::FalseAlarm));
    let silent = Step::Review {
        agree: false,
        words: " ".into(),
    };
    assert_eq!(
        b.refuses(T0, "乙", Some(n), silent),
        "incident.words_missing"
    );
    b.do_it(T0, "乙", Some(n), review(false));
    assert_eq!(b.state(n), State::Open);
    b.do_it(T0, "乙", Some(n), outcome(Outcome::HandedOver));
    // The one who reviewed before has now said what came of it himself.
    assert_eq!(
        b.refuses(T0, "乙", Some(n), review(true)),
        "incident.same_person"
    );
    b.do_it(T0, "甲", Some(n), review(true));
    b.do_it(
        T0,
        "甲",
        Some(n),
        Step::Close {
            words: String::new(),
        },
    );
    let reopen = |words: &str| Step::Reopen {
        words: words.into(),
    };
    assert_eq!(
        b.refuses(T0, "甲", Some(n), reopen("")),
        "incident.words_missing"
    );
    b.do_it(T0, "甲", Some(n), reopen("又来了"));
    let i = b.book.incident(n).unwrap();
    assert_eq!(
        (i.state, i.reopened, i.review.clone()),
        (State::Open, 1, None)
    );
    assert_eq!(
        b.refuses(T0, "甲", Some(n), Step::Close { words: "x".into() }),
        "incident.wrong_state"
    );
}

#[test]
fn an_aircraft_that_does_not_go_leaves_the_incident_open_for_another() {
    let (_, mut b) = fresh();
    let n = b.do_it(T0, "甲", None, by_hand());
    let fly = Step::Task {
        to: Assignee::Aircraft(2),
        owner: "甲".into(),
        due_ms: T0 + 5 * MIN,
        words: String::new(),
    };
    b.do_it(T0, "甲", Some(n), fly.clone());
    assert_eq!(
        b.book.incident(n).unwrap().task_of(2).map(|t| t.number),
        Some(1)
    );
    let refused = Step::TaskRefused {
        task: 1,
        code: "refusal.target_outside".into(),
    };
    b.do_it(T0 + 1_000, "station", Some(n), refused);
    let i = b.book.incident(n).unwrap();
    assert_eq!(
        (i.state, i.tasks[0].state, i.task_of(2)),
        (State::Open, TaskState::Refused, None)
    );
    b.do_it(T0 + 2_000, "甲", Some(n), fly);
    let arrived = Step::Arrive {
        task: 2,
        words: String::new(),
    };
    b.do_it(T0 + MIN, "P2", Some(n), arrived);
    assert_eq!(b.state(n), State::OnScene);
}

#[test]
fn a_deadline_that_passes_is_told_once_and_again_when_it_was_moved_and_passed() {
    let (_, mut b) = fresh();
    let n = b.do_it(T0, "甲", None, by_hand());
    assert_eq!(b.newly_overdue(T0 + 15 * MIN), []);
    let news = b.newly_overdue(T0 + 15 * MIN + 1);
    assert_eq!(news.len(), 1);
    assert_eq!((news[0].number, news[0].due_ms), (n, T0 + 15 * MIN));
    assert_eq!(b.newly_overdue(T0 + 16 * MIN), []);
    let extend = |due_ms| Step::Extend {
        due_ms,
        words: "人手不够".into(),
    };
    let now = T0 + 20 * MIN;
    assert_eq!(
        b.refuses(now, "甲", Some(n), extend(now)),
        "incident.due_past"
    );
    assert_eq!(
        b.refuses(now, "甲", Some(n), extend(now + 61 * 24 * 60 * MIN)),
        "incident.due_far"
    );
    b.do_it(now, "甲", Some(n), extend(now + MIN));
    assert_eq!(b.newly_overdue(now), []);
    assert_eq!(b.newly_overdue(now + 2 * MIN).len(), 1);
    // Once somebody is sent, it is the task's deadline that counts.
    b.do_it(now + 2 * MIN, "甲", Some(n), team("陈强", now + 30 * MIN));
    assert_eq!(b.newly_overdue(now + 20 * MIN), []);
}

#[test]
fn patrols_are_due_until_flown_to_their_end_and_what_was_found_is_mended_by_somebody_in_time() {
    let (disk, mut b) = fresh();
    let add = Step::PatrolAdd {
        name: "江堤".into(),
        plan: "江堤周界".into(),
        owner: "李娜".into(),
        every_min: 60,
    };
    let p = b.do_it(T0, "赵敏", None, add);
    assert_eq!(b.book.overdue(T0 + 60 * MIN), []);
    assert_eq!(b.book.overdue(T0 + 61 * MIN).len(), 1);
    let flown = |whole| Step::PatrolFlown {
        whole,
        anomalies: 2,
        flight: "ab12".into(),
        words: String::new(),
    };
    // A flight that was broken off is written down, and the patrol stays due.
    b.do_it(T0 + 62 * MIN, "P1", Some(p), flown(false));
    assert_eq!(b.book.overdue(T0 + 63 * MIN).len(), 1);
    b.do_it(T0 + 70 * MIN, "P1", Some(p), flown(true));
    let patrol = b.book.patrol(p).unwrap();
    assert_eq!(b.book.overdue(T0 + 71 * MIN), []);
    assert_eq!(
        (patrol.broken_off.is_none(), patrol.due_ms()),
        (true, Some(T0 + 130 * MIN))
    );
    let found = Step::Found {
        words: "护栏缺口".into(),
        mender: "市政".into(),
        due_ms: T0 + 90 * MIN,
    };
    b.do_it(T0 + 71 * MIN, "李娜", Some(p), found);
    let late = b.book.overdue(T0 + 91 * MIN);
    assert_eq!((late.len(), late[0].finding), (1, Some(1)));
    let stop = Step::PatrolStop {
        words: "活动结束".into(),
    };
    b.do_it(T0 + 92 * MIN, "赵敏", Some(p), stop);
    assert_eq!(
        b.refuses(T0 + 93 * MIN, "P1", Some(p), flown(true)),
        "patrol.stopped"
    );
    let mended = Step::Mended {
        finding: 1,
        words: "已补".into(),
    };
    b.do_it(T0 + 94 * MIN, "李娜", Some(p), mended.clone());
    assert_eq!(
        b.refuses(T0 + 94 * MIN, "李娜", Some(p), mended),
        "patrol.no_finding"
    );
    assert_eq!(b.book.overdue(T0 + 10_000 * MIN), []);
    assert_eq!(
        Incidents::open(Box::new(disk)).unwrap().book(),
        b.book(),
        "the schedule survives a restart"
    );
}

#[test]
fn a_key_that_comes_again_does_nothing_twice_not_even_after_a_restart() {
    let (disk, mut b) = fresh();
    let first = b.act(T0, "甲", "甲/k1", None, by_hand()).unwrap();
    assert!(first.deed.is_some());
    let mut b = Incidents::open(Box::new(disk)).unwrap();
    let again = b.act(T0 + 1, "甲", "甲/k1", None, by_hand()).unwrap();
    assert_eq!((again.number, again.deed), (first.number, None));
    assert_eq!(b.book().incidents().count(), 1);
}

#[test]
fn what_the_disk_refused_is_not_there_and_what_was_torn_is_cut() {
    let (disk, mut b) = fresh();
    let n = b.do_it(T0, "甲", None, by_hand());
    let whole = disk.bytes();
    disk.breaks(true);
    assert_eq!(b.refuses(T0, "甲", Some(n), note()), "refusal.storage");
    assert!(disk.bytes().len() > whole.len(), "half of it is there");
    // While the disk is broken nothing more is taken.
    assert_eq!(b.refuses(T0, "甲", Some(n), note()), "refusal.storage");
    disk.breaks(false);
    b.do_it(T0 + 5, "甲", Some(n), note());
    assert_eq!(b.book().incident(n).unwrap().deeds.len(), 2);
    let again = Incidents::open(Box::new(disk.clone())).unwrap();
    assert_eq!((again.book(), again.damaged()), (b.book(), (0, 0)));
    // A write that power cut short.
    let mut disk = disk;
    disk.append(FILE, b"PJ01\x40\0\0\0torn").unwrap();
    let again = Incidents::open(Box::new(disk)).unwrap();
    assert_eq!(again.book(), b.book());
}

#[test]
fn everything_is_bounded_and_says_so() {
    let (_, mut b) = fresh();
    for _ in 0..MAX_OPEN {
        b.do_it(T0, "甲", None, by_hand());
    }
    assert_eq!(b.refuses(T0, "甲", None, by_hand()), "incident.too_many");
    // Notes end before the steps that close it do.
    for _ in 0..incident::NEARLY - 1 {
        b.do_it(T0, "甲", Some(1), note());
    }
    assert_eq!(b.refuses(T0, "甲", Some(1), note()), "incident.steps_full");
    b.do_it(T0, "甲", Some(1), outcome(Outcome::FalseAlarm));
    b.do_it(T0, "乙", Some(1), review(true));
    b.do_it(
        T0,
        "乙",
        Some(1),
        Step::Close {
            words: String::new(),
        },
    );
    // There is room for another one again.
    b.do_it(T0, "甲", None, by_hand());
    let long = Step::Note {
        words: "x".repeat(MAX_WORDS + 1),
    };
    assert_eq!(b.refuses(T0, "甲", Some(2), long), "incident.words_long");
    assert_eq!(b.refuses(0, "甲", None, by_hand()), "incident.no_clock");
    assert_eq!(b.refuses(T0, "甲", Some(999), note()), "incident.unknown");
    assert_eq!(b.refuses(T0, "甲", None, note()), "desk.bad_request");
    assert_eq!(b.refuses(T0, "甲", Some(2), by_hand()), "desk.bad_request");
}

#[test]
fn one_anomaly_is_in_one_incident_and_a_page_cannot_make_one_up() {
    let (_, mut b) = fresh();
    let from = |id: &str, seen: Option<Seen>| Step::Open {
        words: String::new(),
        priority: Priority::High,
        lat_deg: 27.8,
        lon_deg: 120.1,
        anomaly: Some(id.into()),
        seen,
    };
    assert_eq!(
        b.refuses(T0, "甲", None, from("s-3", None)),
        "desk.anomaly_unknown"
    );
    let n = b.do_it(T0, "甲", None, from("s-3", Some(seen("s-3"))));
    assert_eq!(
        b.refuses(T0, "甲", None, from("s-3", Some(seen("s-3")))),
        "incident.anomaly_taken"
    );
    let link = Step::Link {
        anomaly: "s-4".into(),
        seen: Some(seen("s-4")),
    };
    b.do_it(T0, "甲", Some(n), link);
    assert_eq!(b.book().incident_of("s-4"), Some(n));
}

fn any_step() -> impl Strategy<Value = Step> {
    let words = prop_oneof![Just(String::new()), Just("字".to_owned())];
    let task = 1u32..4;
    prop_oneof![
        Just(by_hand()),
        "[a-c]".prop_map(|id| Step::Open {
            words: String::new(),
            priority: Priority::Urgent,
            lat_deg: 27.123_456_78,
            lon_deg: 120.1,
            seen: Some(seen(&id)),
            anomaly: Some(id),
        }),
        "[a-c]".prop_map(|id| Step::Link {
            seen: Some(seen(&id)),
            anomaly: id,
        }),
        words.clone().prop_map(|words| Step::Note { words }),
        ("[甲乙]", 1i64..50).prop_map(|(who, m)| team(&who, T0 + m * MIN)),
        (1u8..3, 1i64..50).prop_map(|(a, m)| Step::Task {
            to: Assignee::Aircraft(a),
            owner: "甲".into(),
            due_ms: T0 + m * MIN,
            words: String::new()
        }),
        task.clone().prop_map(|task| Step::TaskRefused {
            task,
            code: "refusal.busy".into()
        }),
        (task, words.clone()).prop_map(|(task, words)| Step::Arrive { task, words }),
        (1i64..50, words.clone()).prop_map(|(m, words)| Step::Extend {
            due_ms: T0 + m * MIN,
            words
        }),
        prop::sample::select(Outcome::ALL.to_vec()).prop_map(outcome),
        any::<bool>().prop_map(review),
        any::<bool>().prop_map(review),
        words.clone().prop_map(|words| Step::Close { words }),
        words.prop_map(|words| Step::Reopen { words }),
        Just(Step::PatrolAdd {
            name: "p".into(),
            plan: String::new(),
            owner: "甲".into(),
            every_min: 5
        }),
        any::<bool>().prop_map(|whole| Step::PatrolFlown {
            whole,
            anomalies: 0,
            flight: String::new(),
            words: String::new()
        }),
        (1i64..50).prop_map(|m| Step::Found {
            words: "f".into(),
            mender: "乙".into(),
            due_ms: T0 + m * MIN
        }),
        (1u32..3).prop_map(|finding| Step::Mended {
            finding,
            words: "m".into()
        }),
        Just(Step::PatrolStop { words: "s".into() }),
    ]
}

/// One that shares no code with the book: what must be true of any incident's deeds, read as a person would.
fn judged_by_hand(deeds: &[Deed]) -> (bool, usize) {
    let (mut closed, mut closings, mut outcome_by, mut owners, mut reviewed) =
        (false, 0, None::<String>, Vec::<String>::new(), false);
    for d in deeds {
        assert!(
            !closed || matches!(d.step, Step::Reopen { .. }),
            "{deeds:?}"
        );
        match &d.step {
            Step::Task { owner, .. } => owners.push(owner.clone()),
            Step::Outcome { .. } => (outcome_by, reviewed) = (Some(d.who.clone()), false),
            Step::Review { agree, .. } => {
                let by = outcome_by.clone().expect("nothing to review");
                assert_ne!(by, d.who, "one's own outcome");
                assert!(!owners.contains(&d.who), "one's own task");
                if *agree {
                    reviewed = true;
                } else {
                    (outcome_by, reviewed) = (None, false);
                    owners.clear();
                }
            }
            Step::Close { .. } => {
                assert!(reviewed, "closed without a review: {deeds:?}");
                closed = true;
                closings += 1;
            }
            Step::Reopen { .. } => {
                (closed, reviewed, outcome_by) = (false, false, None);
                owners.clear();
            }
            _ => {}
        }
    }
    (closed, closings)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is asked in whatever order by whomever: nothing that was done is lost or changed, no review is skipped or
    /// one's own, and the journal alone gives the same book, torn or not, at every moment.
    #[test]
    fn no_order_of_steps_loses_a_deed_or_skips_a_review_and_the_journal_gives_the_same_book(
        asked in prop::collection::vec(("[甲乙丙]", 0u32..4, 0i64..60, any_step()), 1..120),
        tear in any::<prop::sample::Index>(),
    ) {
        let (disk, mut b) = fresh();
        let mut done: Vec<Deed> = Vec::new();
        let mut ends = vec![0usize];
        for (who, about, m, step) in asked {
            let about = (!step.begins()).then_some(about);
            if let Ok(Done { deed: Some(deed), .. }) = b.act(T0 + m * MIN, &who, "", about, step) {
                done.push(deed);
                ends.push(disk.bytes().len());
            }
        }
        // Every deed stands where it belongs, in the order it was done, and nothing else does.
        for i in b.book().incidents() {
            let mine: Vec<&Deed> = done.iter().filter(|d| d.step.about() == About::Incident && d.about == i.number).collect();
            prop_assert_eq!(i.deeds.iter().collect::<Vec<_>>(), mine);
            let (closed, _) = judged_by_hand(&i.deeds);
            prop_assert_eq!(closed, i.state == State::Closed);
        }
        let again = Incidents::open(Box::new(disk.clone())).unwrap();
        prop_assert_eq!(again.book(), b.book());
        prop_assert_eq!(again.damaged(), (0, 0));
        // Torn anywhere: what was whole before is there, and no more.
        let cut = tear.index(disk.bytes().len() + 1);
        let torn = Shared::default();
        torn.clone().append(FILE, &disk.bytes()[..cut]).unwrap();
        let whole = ends.iter().filter(|e| **e <= cut).count() - 1;
        let mut expected = Book::default();
        for d in &done[..whole] {
            expected.take(d).unwrap();
        }
        let again = Incidents::open(Box::new(torn)).unwrap();
        prop_assert_eq!(again.book(), &expected);
    }
}
