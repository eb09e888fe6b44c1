//! `ground-station`: see `ground_station::cli`.

fn main() -> std::process::ExitCode {
    ground_station::cli::main()
}
