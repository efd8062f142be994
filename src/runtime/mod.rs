//! Runs a pipeline: dispatcher, gate, journal, patterns. Deterministic given its effects.
