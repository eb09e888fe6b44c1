//! A page as SVG 1.1. Every text is escaped; no script, no link, no style sheet.

use super::page::{Anchor, Ink, Mark, Page, Spot};
use std::fmt::Write;

fn ink(i: Ink) -> String {
    format!("#{:02x}{:02x}{:02x}", i.0, i.1, i.2)
}

fn opacity(i: Ink) -> f32 {
    f32::from(i.3) / 255.0
}

fn way(places: &[Spot], closed: bool) -> String {
    let mut out = String::new();
    for (i, p) in places.iter().enumerate() {
        let _ = write!(
            out,
            "{}{:.1} {:.1}",
            if i == 0 { "M" } else { "L" },
            p.x,
            p.y
        );
    }
    if closed && !places.is_empty() {
        out.push('Z');
    }
    out
}

/// What XML would take for markup, and what XML 1.0 forbids.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn write(page: &Page) -> String {
    let (w, h) = (page.width, page.height);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"'Noto Sans','Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif\">\n\
         <rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n"
    );
    for m in &page.marks {
        let _ = match m {
            Mark::Area {
                rings,
                fill,
                edge,
                dashed,
            } => {
                let d: String = rings.iter().map(|r| way(r, true)).collect();
                let edge = edge.map_or(String::new(), |(i, width)| {
                    format!(
                        " stroke=\"{}\" stroke-opacity=\"{:.2}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{}",
                        ink(i),
                        opacity(i),
                        if *dashed { " stroke-dasharray=\"6 4\"" } else { "" }
                    )
                });
                writeln!(
                    out,
                    "<path d=\"{d}\" fill=\"{}\" fill-opacity=\"{:.2}\" fill-rule=\"evenodd\"{edge}/>",
                    ink(*fill),
                    opacity(*fill)
                )
            }
            Mark::Line {
                places,
                ink: i,
                width,
                dashed,
            } => writeln!(
                out,
                "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-opacity=\"{:.2}\" stroke-width=\"{width}\" \
                 stroke-linecap=\"round\" stroke-linejoin=\"round\"{}/>",
                way(places, false),
                ink(*i),
                opacity(*i),
                if *dashed {
                    " stroke-dasharray=\"5 4\""
                } else {
                    ""
                }
            ),
            Mark::Words {
                at,
                text,
                size,
                ink: i,
                anchor,
                ..
            } => writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"{size}\" fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"3\" \
                 stroke-opacity=\"0.8\" stroke-linejoin=\"round\" paint-order=\"stroke\"{}>{}</text>",
                at.x,
                at.y,
                ink(*i),
                match anchor {
                    Anchor::Start => "",
                    Anchor::Middle => " text-anchor=\"middle\"",
                },
                escape(text)
            ),
        };
    }
    out.push_str("</svg>\n");
    out
}
