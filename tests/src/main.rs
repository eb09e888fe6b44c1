//! `programs sim|onboard|ground-station …`: the three programs behind one binary, so that process tests can start
//! them through `CARGO_BIN_EXE_programs` without knowing where cargo put things.

fn main() -> std::process::ExitCode {
    let mut args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let which = if args.len() > 1 {
        Some(args.remove(1))
    } else {
        None
    };
    match which.as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("sim") => sim::cli::main_from(args),
        Some("onboard") => onboard::cli::main_from(args),
        Some("ground-station") => ground_station::cli::main_from(args),
        // A program that starts itself again as a child does so as `current_exe() __child …`.
        Some(child) if child.starts_with("__") => {
            let mut args = args;
            args.insert(1, child.into());
            ground_station::cli::main_from(args)
        }
        _ => {
            eprintln!("usage: programs sim|onboard|ground-station [arguments of that program]");
            std::process::ExitCode::from(2)
        }
    }
}
