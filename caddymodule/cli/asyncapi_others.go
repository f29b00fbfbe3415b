package cli

import "strings"

// addOthers adds what a connection has besides events: quarantine, replays and
// operational events.
func (d *asyncAPIDoc) addOthers(c *ContractConnection) {
	for _, s := range c.Streams {
		switch s.Role {
		case RoleQuarantine:
			d.addQuarantine(c, &s)
		case RoleOps:
			d.addOps(c, &s)
		}
	}
	d.addReplay(c)
}

// addReplay adds the channel of events that are sent once more.
func (d *asyncAPIDoc) addReplay(c *ContractConnection) {
	if _, there := d.messages.members["replayed"]; !there {
		d.messages.put("replayed", newObject(
			"name", "replayed", "title", "An event that was sent once more", "contentType", "application/json",
			"headers", newObject("type", "object", "allOf", []any{reference("components", "schemas", "headers")}, "required", []any{"ce-whreplay", "ce-whreplayseq"}),
			"payload", newObject("description", "The exact bytes of the original."),
		))
	}
	parameters := newObject("job", newObject("description", "The name of the replay."), "tenant", newObject("description", "Whose event it is."),
		"source", newObject("description", "The source."), "type", newObject("description", "The event's type, one token or more."))
	d.addChannel(c, "replay", "wh-replay.v1.{job}.{tenant}.{source}.{type}", "wh-replay.v1.>", "WEBHOOKS_REPLAY", "Events that an operator sends once more, for those alone who want them.", parameters, []string{"replayed"}, "replay.md")
}

func (d *asyncAPIDoc) addQuarantine(c *ContractConnection, s *ContractStream) {
	if _, there := d.messages.members["quarantined"]; !there {
		d.messages.put("quarantined", newObject(
			"name", "quarantined", "title", "An event that was kept aside", "contentType", "application/octet-stream",
			"headers", newObject("type", "object", "allOf", []any{reference("components", "schemas", "headers")}, "required", []any{"ce-whreason"}),
			"payload", newObject("description", "The exact bytes that were received."),
		))
	}
	parameters := newObject(
		"tenant", newObject("description", "Whose event it is."),
		"source", newObject("description", "The source."),
		"reason", newObject("description", "Why it is kept aside.", "enum", []any{"schema", "json", "conflict", "no_id", "no_type", "too_many", "signature"}),
	)
	d.addChannel(c, "quarantine", "wh-quarantine.v1.{tenant}.{source}.{reason}", "wh-quarantine.v1.>", s.Name,
		"Events that were not accepted, for operators: never take them for events. Those with the reason signature were sent by somebody who could not prove who they are.", parameters, []string{"quarantined"}, "quarantine.md")
}

func (d *asyncAPIDoc) addOps(c *ContractConnection, s *ContractStream) {
	var names []string
	d.schemas.put("headers.ops", operationalHeaders())
	for _, e := range opsEvents {
		name := "ops." + e.name
		names = append(names, name)
		d.messages.put(name, newObject(
			"name", "caddy-webhooks.ops."+e.name, "title", e.name, "summary", e.when, "contentType", "application/json",
			"headers", newObject("type", "object", "allOf", []any{reference("components", "schemas", "headers.ops")},
				"properties", newObject("ce-type", newObject("const", "caddy-webhooks.ops."+e.name))),
			"payload", opsSchema(e.members),
		))
	}
	parameters := newObject(
		"tenant", newObject("description", "The tenant; _ where it is about the whole gateway."),
		"source", newObject("description", "The source; _ where it is about the whole gateway."),
		"name", newObject("description", "What happened."),
	)
	d.addChannel(c, "ops", "wh-ops.v1.{tenant}.{source}.{name}", "wh-ops.v1.>", s.Name,
		"What somebody may have to look at. It is best effort; expect more members and more names.", parameters, names, "consumers.md#operational-events")
}

// addChannel adds a channel that no route has, and its operation.
func (d *asyncAPIDoc) addChannel(c *ContractConnection, name, address, filter, stream, text string, parameters *object, messages []string, page string) {
	key := connectionKey(c.Name, name)
	list, refs := newObject(), []any{}
	for _, m := range messages {
		local := strings.TrimPrefix(m, name+".")
		list.put(local, reference("components", "messages", m))
		refs = append(refs, reference("channels", key, "messages", local))
	}
	tags := []any{newObject("name", "operations")}
	d.channels.put(key, newObject(
		"address", address, "title", name, "description", text, "messages", list, "parameters", parameters,
		"servers", d.serversOf(c.Name), "tags", tags, "externalDocs", newObject("url", contractURL+page),
		"x-jetstream", newObject("stream", stream, "filter_subject", filter),
	))
	d.operations.put("receive."+key, newObject(
		"action", "receive", "channel", reference("channels", key), "title", "Receive "+name, "tags", tags,
		"bindings", newObject("nats", newObject("bindingVersion", natsBinding)), "messages", refs,
	))
}
