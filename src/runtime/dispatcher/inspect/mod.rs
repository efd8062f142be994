//! Detail: the texts of one span, read from the store and the workspace when somebody looks.
//!
//! The loop only gathers what it alone knows of the span ([`now`]); everything is read and compared beside it.

mod approval;
mod compare;
mod fields;
mod llm;
mod now;
mod part;
mod raw;
mod remote;
mod sections;
mod tool;
mod would_change;
