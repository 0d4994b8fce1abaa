//! wasi:cli: environment, exit, stdio, terminals.

use crate::bindings::wasi::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use crate::state::{Exit, Never, State};
use crate::stream::{InStream, OutStream};
use wasmtime::component::Resource;
use wasmtime::{Error, Result};

/// `enum writ_stdio`.
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

impl environment::Host for State {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        Ok(self.ports.variables())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        Ok(self.ports.arguments())
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for State {
    fn exit(&mut self, status: std::result::Result<(), ()>) -> Result<()> {
        Err(Error::new(Exit(status.is_err().into())))
    }

    fn exit_with_code(&mut self, code: u8) -> Result<()> {
        Err(Error::new(Exit(code)))
    }
}

impl stdin::Host for State {
    fn get_stdin(&mut self) -> Result<Resource<InStream>> {
        self.push(InStream::Stdin)
    }
}

impl stdout::Host for State {
    fn get_stdout(&mut self) -> Result<Resource<OutStream>> {
        self.push(OutStream::std(STDOUT))
    }
}

impl stderr::Host for State {
    fn get_stderr(&mut self) -> Result<Resource<OutStream>> {
        self.push(OutStream::std(STDERR))
    }
}

impl terminal_input::Host for State {}

impl terminal_input::HostTerminalInput for State {
    fn drop(&mut self, terminal: Resource<Never>) -> Result<()> {
        self.drop_never(terminal)
    }
}

impl terminal_output::Host for State {}

impl terminal_output::HostTerminalOutput for State {
    fn drop(&mut self, terminal: Resource<Never>) -> Result<()> {
        self.drop_never(terminal)
    }
}

impl terminal_stdin::Host for State {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Never>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for State {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Never>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for State {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Never>>> {
        Ok(None)
    }
}
