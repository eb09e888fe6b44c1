//! Pictures that a person can read, and files that others can.

use super::*;

fn sixi() -> Picture {
    let venue = Venue::sixi_river();
    let plane = LocalPlane::new(venue.launch_site().unwrap());
    let mut p = Picture {
        title: "泗溪河 <Sixi> & friends".into(),
        plain_title: "sixi-river".into(),
        figures: vec!["1234 m, 3 turns".into()],
        north_is_up: true,
        ..Picture::default()
    };
    p.add_venue(&venue, &plane);
    for k in 0..3 {
        p.tracks.push(Track {
            name: format!("aircraft {}", k + 1),
            places: (0..5)
                .map(|i| EastNorth::new(40.0 * f64::from(i), 30.0 * f64::from(k)))
                .collect(),
        });
    }
    p.left_out
        .push((EastNorth::new(10.0, 10.0), EastNorth::new(60.0, 10.0)));
    p
}

#[test]
fn an_svg_keeps_names_as_words_and_lets_no_markup_through() {
    let svg = sixi().svg();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    assert!(svg.contains("泗溪河"), "the name is lost");
    assert!(svg.contains("&lt;Sixi&gt;") && !svg.contains("<Sixi>"));
    // Every way has its own colour and its line in the legend.
    for k in 1..=3 {
        assert!(svg.contains(&format!(">aircraft {k}</text>")));
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn a_png_is_a_picture_and_the_same_picture_each_time() {
    let p = sixi();
    let png = p.png().unwrap();
    let read = image::load_from_memory(&png).unwrap().to_rgba8();
    assert!(read.width() > 600 && read.height() > 300);
    // The three ways' colours are on it, pure where the line is.
    for ink in [(0, 90, 170), (205, 85, 0), (0, 135, 100)] {
        let n = read
            .pixels()
            .filter(|q| (q.0[0], q.0[1], q.0[2]) == ink)
            .count();
        assert!(n > 50, "{ink:?} stands on {n} pixels");
    }
    assert_eq!(png, p.png().unwrap());
}

#[test]
fn what_cannot_be_written_in_strokes_is_an_id_not_a_box() {
    let p = sixi();
    for q in &p.patches {
        assert!(q.plain.is_ascii(), "{}", q.plain);
    }
    for s in &p.sites {
        assert!(s.plain.is_ascii() && !s.plain.is_empty(), "{}", s.plain);
    }
}

#[test]
fn a_title_without_a_space_is_broken_at_the_columns_edge() {
    let long = "venues/osm_helsinki_kaisaniemen_kasvitieteellinen_puutarha:";
    let p = Picture {
        title: long.into(),
        plain_title: long.into(),
        ..Picture::default()
    };
    let svg = p.svg();
    assert!(!svg.contains(long));
    let shown: String = svg
        .split("font-size=\"20\"")
        .skip(1)
        .filter_map(|t| t.split('>').nth(1)?.split('<').next())
        .collect();
    assert_eq!(shown, long);
}

#[test]
fn an_empty_picture_and_broken_places_are_still_a_page() {
    let mut p = Picture::default();
    assert!(p.png().is_ok());
    p.tracks.push(Track {
        name: "x".into(),
        places: vec![EastNorth::new(f64::NAN, 0.0), EastNorth::new(1.0, 1.0)],
    });
    assert!(p.svg().contains("</svg>"));
    assert!(p.png().is_ok());
}

#[test]
fn every_printable_sign_has_strokes_of_its_own() {
    let blank = strokes::strokes(
        "\u{7}",
        page::Spot { x: 0.0, y: 0.0 },
        10.0,
        page::Anchor::Start,
    );
    assert!(!blank.is_empty());
    let mut seen: Vec<(char, Vec<Vec<page::Spot>>)> = Vec::new();
    for c in '!'..='~' {
        let s = strokes::strokes(
            &c.to_string(),
            page::Spot { x: 0.0, y: 0.0 },
            10.0,
            page::Anchor::Start,
        );
        assert!(!s.is_empty(), "{c}");
        for (o, t) in &seen {
            // A nought is written as the letter is.
            assert!(*t != s || (*o, c) == ('0', 'O'), "{o} looks like {c}");
        }
        seen.push((c, s));
    }
}
