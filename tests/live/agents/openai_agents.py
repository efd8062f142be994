"""An agent with the OpenAI Agents SDK: its model calls are Responses."""

from agents import Agent, Runner, function_tool, set_tracing_disabled

from tools import TASK, run_command, write_file

set_tracing_disabled(True)
tools = [function_tool(run_command), function_tool(write_file)]
agent = Agent(name="tidy", instructions="You tidy folders.", model="gpt-5-mini", tools=tools)
print(Runner.run_sync(agent, TASK).final_output)
