//! Tools that several tests share: runs made of events, projects on disk, model servers, terminals.

pub mod agent;
pub mod app_support;
pub mod holder;
pub mod manifest;
pub mod post;
pub mod program;
pub mod project;
pub mod pty;
pub mod say;
pub mod server;
pub mod service;
pub mod sketch;
pub mod skip;
pub mod tama_db;
pub mod wait;
pub mod whole;
