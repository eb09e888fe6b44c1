//! The companion's binary.

fn main() -> std::process::ExitCode {
    onboard::cli::main()
}
