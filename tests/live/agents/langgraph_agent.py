"""An agent as a graph of LangGraph: a node that calls the model (Chat Completions, streamed), and one that runs tools."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from tools import TASK, run_command, write_file

tools = [tool(run_command), tool(write_file)]
model = ChatOpenAI(model="gpt-5-mini", streaming=True).bind_tools(tools)


def ask(state: MessagesState):
    return {"messages": [model.invoke(state["messages"])]}


graph = StateGraph(MessagesState)
graph.add_node("ask", ask)
graph.add_node("tools", ToolNode(tools))
graph.add_edge(START, "ask")
graph.add_conditional_edges("ask", tools_condition)
graph.add_edge("tools", "ask")
start = {"messages": [("system", "You tidy folders."), ("user", TASK)]}
print(graph.compile().invoke(start)["messages"][-1].content)
