//! The screen: its state without a terminal, what is drawn, and the program in a real terminal.

mod app_agent;
mod app_approval;
mod app_breaks;
mod app_by_hand;
mod app_compare;
mod app_detail;
mod app_events;
mod app_flows;
mod app_held;
mod app_palette;
mod app_panel;
mod app_past;
mod app_popups;
mod app_question;
mod app_reading;
mod app_resume;
mod app_search;
mod app_states;
mod app_timeline;
mod app_told;
mod app_tries;
mod app_world;
mod run_list;
mod terminal;
mod ui;
