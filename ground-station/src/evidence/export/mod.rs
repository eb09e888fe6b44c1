//! A recorded flight in other people's formats: an evidence pack (zip), MCAP, CSV, KML, GeoJSON. The record itself is only
//! read. A core: bytes in, bytes out.

mod facts;
mod mcap;
pub mod pack;
mod tables;
#[cfg(test)]
mod tests;

pub use self::mcap::mcap;
pub use facts::{Facts, Fix};
pub use tables::{anomalies_csv, events_csv, geojson, kml, track_csv};
