//! Tools of an agent that wait for the workspace while another one of its tools has it.

use std::time::Duration;

use tokio::sync::watch;

/// How many tools wait.
pub(in super::super) struct ToolQueue(watch::Sender<usize>);

/// A tool that waits; it does no longer when this is dropped.
pub(in super::super) struct WaitingTool<'q>(&'q ToolQueue);

impl Default for ToolQueue {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl ToolQueue {
    /// A tool begins to wait.
    pub fn enter(&self) -> WaitingTool<'_> {
        self.0.send_modify(|count| *count += 1);
        WaitingTool(self)
    }

    /// Returns once tools have waited for so long without a break.
    pub async fn blocked_for(&self, time: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender is here.
            let _ = count.wait_for(|count| *count > 0).await;
            tokio::select! {
                () = tokio::time::sleep(time) => return,
                _ = count.wait_for(|count| *count == 0) => {}
            }
        }
    }
}

impl Drop for WaitingTool<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn it_is_blocked_when_one_waits_long_and_not_when_many_wait_a_little() {
        let queue = ToolQueue::default();
        for _ in 0..3 {
            let waiting = queue.enter();
            assert!(tokio::time::timeout(TIME / 2, queue.blocked_for(TIME)).await.is_err());
            drop(waiting);
        }
        let _waiting = queue.enter();
        assert!(tokio::time::timeout(TIME * 2, queue.blocked_for(TIME)).await.is_ok());
    }
}
