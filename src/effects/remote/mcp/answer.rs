//! The answer of a server's tool, as text.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

use super::super::call::RemoteAnswer;

/// Characters of an answer that are kept.
const LARGEST: usize = 1_000_000;

/// The texts of an answer; data is described by its kind and size.
pub(super) fn answer_of(result: &CallToolResult) -> RemoteAnswer {
    let structured = result.structured_content.as_ref().map(ToString::to_string);
    let blocks: Vec<String> = result.content.iter().map(block).collect();
    let mut text = blocks.join("\n");
    if blocks.is_empty() {
        text = structured.clone().unwrap_or_default();
    }
    if let Some((cut, _)) = text.char_indices().nth(LARGEST) {
        text.truncate(cut);
        let note = format!("\n[cut: the answer is longer than {LARGEST} characters]");
        text.push_str(&note);
    }
    let fault = result.is_error == Some(true);
    RemoteAnswer { result: structured.filter(|kept| kept.len() <= LARGEST), fault, ..RemoteAnswer::good(text) }
}

fn block(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => format!("[image: {}, {} bytes]", image.mime_type, bytes(&image.data)),
        ContentBlock::Audio(audio) => format!("[audio: {}, {} bytes]", audio.mime_type, bytes(&audio.data)),
        ContentBlock::Resource(resource) => match &resource.resource {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            ResourceContents::BlobResourceContents { uri, blob, .. } => format!("[data: {uri}, {} bytes]", bytes(blob)),
            _ => "[data of an unknown kind]".to_owned(),
        },
        ContentBlock::ResourceLink(link) => format!("[link: {} {}]", link.name, link.uri),
        #[allow(unreachable_patterns, reason = "kinds of content that come")]
        _ => "[content of an unknown kind]".to_owned(),
    }
}

/// The bytes that base64 text stands for.
fn bytes(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}
