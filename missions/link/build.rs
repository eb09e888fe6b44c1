//! Generates the patrol dialect from `patrol.xml`. No git, no network.

fn main() {
    println!("cargo:rerun-if-changed=patrol.xml");
    println!("cargo:rustc-check-cfg=cfg(feature, values(\"serde\", \"arbitrary\", \"ts-rs\"))");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    mavlink_bindgen::generate(
        mavlink_bindgen::XmlDefinitions::Files(vec!["patrol.xml"]),
        out,
    )
    .expect("patrol.xml must be a valid MAVLink dialect");
}
