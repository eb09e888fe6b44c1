//! The simulator's binary.

fn main() -> std::process::ExitCode {
    sim::cli::main()
}
