"""An agent with Pydantic AI: its model calls are Chat Completions, or Responses with MODEL=openai:gpt-5-mini."""

import os

from pydantic_ai import Agent

from tools import TASK, run_command, write_file

model = os.environ.get("MODEL", "openai-chat:gpt-5-mini")
agent = Agent(model, system_prompt="You tidy folders.", tools=[run_command, write_file])
print(agent.run_sync(TASK).output)
