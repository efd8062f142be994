//! Doing, undoing and redoing recorded actions, and the plan of a retry.
