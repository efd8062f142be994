"""The step of benches/step.rs in LangGraph, for comparison: a scripted model's answer and a write into the state,
checkpointed to SQLite after each node (durability "sync").

Needs: pip install langgraph langgraph-checkpoint-sqlite
Run:   python benches/langgraph_step.py

Two graphs: one with a node for the model and one for the tool, as LangGraph's own agents have them (two checkpoints a
step), and one that does both in one node (one checkpoint a step). A run of 100 steps less a run of one, divided by 99;
medians of five, in turn. SQLite's journal is what the checkpointer sets (WAL, synchronous = FULL unless told otherwise).
"""

import resource
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from typing import Annotated, TypedDict

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

STEPS = 100
ROUNDS = 5


class State(TypedDict):
    messages: Annotated[list, add_messages]
    memory: Annotated[dict, lambda old, new: {**old, **new}]
    step: int


def model(state: State, steps: int) -> dict:
    """The scripted answer: a call that writes a key, then the end."""
    step = state["step"] + 1
    if step > steps:
        return {"messages": [AIMessage("end")], "step": step}
    call = {"name": "set", "args": {"key": f"k{step}", "value": f"value {step}"}, "id": f"call_{step}"}
    return {"messages": [AIMessage("", tool_calls=[call])], "step": step}


def tool(message: AIMessage) -> dict:
    """Runs the call."""
    (call,) = message.tool_calls
    args = call["args"]
    done = ToolMessage("ok", tool_call_id=call["id"])
    return {"messages": [done], "memory": {args["key"]: args["value"]}}


def two_nodes(steps: int) -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("model", lambda state: model(state, steps))
    graph.add_node("tool", lambda state: tool(state["messages"][-1]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda state: "tool" if state["messages"][-1].tool_calls else END)
    graph.add_edge("tool", "model")
    return graph


def one_node(steps: int) -> StateGraph:
    def both(state: State) -> dict:
        answer = model(state, steps)
        last = answer["messages"][0]
        if not last.tool_calls:
            return answer
        done = tool(last)
        return {**done, "messages": [last, *done["messages"]], "step": answer["step"]}

    graph = StateGraph(State)
    graph.add_node("step", both)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["step"] <= steps else END)
    return graph


def run(make, steps: int, saver) -> tuple[float, float]:
    """Wall and processor time of one run, in milliseconds."""
    compiled = make(steps).compile(checkpointer=saver)
    config = {"configurable": {"thread_id": "1"}, "recursion_limit": 10 * STEPS}
    start, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    end = compiled.invoke(
        {"messages": [HumanMessage("go")], "memory": {}, "step": 0}, config, durability="sync"
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    assert len(end["memory"]) == steps, end
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return wall * 1e3, cpu * 1e3


def measure(make, sqlite: bool) -> tuple[float, float]:
    taken = []
    for steps in (1, STEPS):
        if sqlite:
            with tempfile.TemporaryDirectory(dir=".") as folder, SqliteSaver.from_conn_string(f"{folder}/c.db") as saver:
                taken.append(run(make, steps, saver))
        else:
            taken.append(run(make, steps, InMemorySaver()))
    (wall_one, cpu_one), (wall, cpu) = taken
    return (wall - wall_one) / (STEPS - 1), (cpu - cpu_one) / (STEPS - 1)


def main() -> None:
    kinds = [
        ("two nodes, memory", two_nodes, False),
        ("two nodes, SQLite", two_nodes, True),
        ("one node, memory", one_node, False),
        ("one node, SQLite", one_node, True),
    ]
    taken: dict[str, list] = {name: [] for name, _, _ in kinds}
    for turn in range(ROUNDS + 1):
        for name, make, sqlite in kinds:
            measured = measure(make, sqlite)
            if turn > 0:  # The first round warms up.
                taken[name].append(measured)
    packages = ", ".join(f"{name} {version(name)}" for name in ("langgraph", "langgraph-checkpoint-sqlite"))
    print(f"Python {sys.version.split()[0]}, {packages}")
    print(f"{'a step':<20} {'ms':>8} {'CPU ms':>8}")
    for name, values in taken.items():
        wall, cpu = (statistics.median(column) for column in zip(*values))
        print(f"{name:<20} {wall:>8.2f} {cpu:>8.2f}")


main()
