//! One module for each WASI package: the host side of its functions over the ports.

pub mod blobstore;
pub mod cli;
pub mod clocks;
pub mod config;
pub mod filesystem;
pub mod http;
pub mod io;
pub mod keyvalue;
pub mod logging;
pub mod random;
pub mod sockets;
