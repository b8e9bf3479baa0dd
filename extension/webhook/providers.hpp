// The readers of each provider's shapes, from the outermost object to the innermost.
#pragma once

#include "provider/registry.hpp"
#include "webhook/reader.hpp"

namespace msgstatus {

// Meta (meta.cpp), and all providers that send its shape.
void read_meta_envelope(Reader &reader, const Json &envelope, const Context &context);
void read_meta_entry(Reader &reader, const Json &entry, const Context &context);
void read_meta_change(Reader &reader, const Json &change, const Context &context);
void read_meta_value(Reader &reader, const Json &value, const Context &context);
void read_meta_status(Reader &reader, const Json &status, const Context &context);
void read_meta_message(Reader &reader, const Json &message, const Context &context);
// Returns the provider of a message that stands alone, recognized by the form of its id; nothing for an unknown form.
Text provider_of_id(Text id);
// Returns whether an object in the shape of a status is about a payment or a call. Objects of any other type belong to
// a message or are unknown; if they cannot be read, they become dead letters, where an operator sees them.
bool is_no_message_status(const Json &status);

// Twilio (twilio.cpp).
void read_twilio_callback(Reader &reader, const Json &callback, const Context &context);
void read_twilio_resource(Reader &reader, const Json &resource, const Context &context);
void read_twilio_page(Reader &reader, const Json &page, const Context &context);
void read_twilio_event(Reader &reader, const Json &event, const Context &context);

// AiSensy (aisensy.cpp).
void read_aisensy_project_webhook(Reader &reader, const Json &webhook, const Context &context);

// All others, by their descriptions (described.cpp).
void read_described(Reader &reader, const Fit &fit, const Json &body, const Context &context);

} // namespace msgstatus
