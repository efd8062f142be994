//! The screen: its state without a terminal, what is drawn, and the program in a real terminal.

mod app_flows;
mod app_panel;
mod run_list;
mod terminal;
mod ui;
