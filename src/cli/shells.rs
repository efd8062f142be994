//! `completions` and `man`: files for the shell and for `man`, made from the commands that clap knows.

use clap_complete::Shell;
use color_eyre::eyre::eyre;

use super::exit::Exit;
use super::text::print;

/// `tama-tui completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// `tama-tui man`.
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// The page of this command [default: that of tama-tui]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints the completions of a shell.
pub(super) fn completions(args: &Completions, mut program: clap::Command) -> color_eyre::Result<Exit> {
    let mut out = Vec::new();
    let name = program.get_name().to_owned();
    clap_complete::generate(args.shell, &mut program, name, &mut out);
    print(&String::from_utf8(out)?)?;
    Ok(Exit::Done)
}

/// Prints a page for `man`.
pub(super) fn man(args: &Man, mut program: clap::Command) -> color_eyre::Result<Exit> {
    program.build();
    let mut page = program;
    for name in &args.command {
        let known: Vec<String> = page.get_subcommands().map(|known| known.get_name().to_owned()).collect();
        page = page.find_subcommand(name).cloned().ok_or_else(|| {
            eyre!("failed to find the page of `{name}`: there is no such command. There are {}.", known.join(", "))
        })?;
    }
    // A page's title is one word; `man tama-tui-runs-show` is how git's pages are named.
    let title = page.get_display_name().unwrap_or(page.get_name()).replace(' ', "-");
    let mut out = Vec::new();
    clap_mangen::Man::new(page).title(title).render(&mut out)?;
    print(&String::from_utf8(out)?)?;
    Ok(Exit::Done)
}
