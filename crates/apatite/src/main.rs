/*!
The program `apatite`: reads what it is given, asks the libraries, prints what they answer.
*/

mod advise;
mod arguments;
mod cases;
mod commands;
mod export;
mod follow;
mod imaging;
mod output;
mod render;
mod report;
mod schema;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::output::tell;

/// An answer of the server is some thousand small values of JSON: the allocator of the system takes a quarter of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match commands::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            if let Some(io) = error.downcast_ref::<std::io::Error>()
                && io.kind() == std::io::ErrorKind::BrokenPipe
            {
                return ExitCode::SUCCESS;
            }
            let style = anstyle::AnsiColor::Red.on_default().bold();
            let message = apatite_text::printable(&error.to_string());
            tell(&format!("{}error:{} {message}", style.render(), style.render_reset()));
            ExitCode::from(1)
        }
    }
}
