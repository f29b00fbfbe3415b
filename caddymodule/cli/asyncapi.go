package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// AsyncAPIOptions are what `caddy webhooks asyncapi` takes.
type AsyncAPIOptions struct {
	// Contract is what is described. Required.
	Contract ContractSource
	// Format is yaml or json; empty means yaml, or json if Out ends in .json.
	Format string
	// Out is the file to write; empty means the writer.
	Out string
	// Source and Tenant choose the routes; empty means all.
	Source, Tenant string
	// Warn takes what is said beside the document.
	Warn io.Writer
}

const (
	asyncAPIVersion = "3.0.0"
	// contractVersion is that of the consumer contract, as in its subjects.
	contractVersion = "v1"
	contractURL     = "https://github.com/caddy-webhooks/caddy-webhooks/blob/main/docs/"
	natsBinding     = "0.1.0"
)

// AsyncAPI writes the AsyncAPI document of what a gateway publishes. The errors wrap
// [ErrUsage], or are those of the contract's source.
func AsyncAPI(ctx context.Context, o AsyncAPIOptions, out io.Writer) error {
	format := o.Format
	if format == "" {
		format = "yaml"
		if strings.HasSuffix(o.Out, ".json") {
			format = "json"
		}
	}
	if format != "yaml" && format != "json" {
		return fmt.Errorf("%w: --format %q: write yaml or json", ErrUsage, o.Format)
	}
	c, err := o.Contract(ctx)
	if err != nil {
		return err
	}
	if err := c.narrow(o.Tenant, o.Source); err != nil {
		return err
	}
	doc, problems := asyncAPI(c)
	for _, p := range problems {
		if _, err := fmt.Fprintln(o.Warn, "warning: "+visible(p, false)); err != nil {
			return err
		}
	}
	text, err := render(doc, format)
	if err != nil {
		return err
	}
	if o.Out == "" {
		_, err = out.Write(text)
		return err
	}
	if err := os.WriteFile(o.Out, text, 0o644); err != nil { //nolint:gosec // it is for everybody
		return fmt.Errorf("%w: --out: %w", ErrUsage, err)
	}
	_, err = fmt.Fprintf(out, "%s: AsyncAPI %s, %d channels, %d messages, %d schemas\n", o.Out, asyncAPIVersion,
		len(doc.child("channels").names), len(doc.child("components").child("messages").names), len(doc.child("components").child("schemas").names))
	return err
}

// render is the text of a document.
func render(doc *object, format string) ([]byte, error) {
	if format == "json" {
		text, err := doc.MarshalJSON()
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = json.Indent(&b, text, "", "  ")
		b.WriteByte('\n')
		return b.Bytes(), err
	}
	var b strings.Builder
	err := writeYAML(&b, doc, "")
	return []byte(b.String()), err
}

// narrow leaves only routes of the tenant and the source.
func (c *Contract) narrow(tenant, source string) error {
	if tenant == "" && source == "" {
		return nil
	}
	var names []string
	for _, r := range c.Routes {
		names = append(names, r.Tenant.Name+"/"+r.Source.Name)
	}
	c.Routes = slices.DeleteFunc(c.Routes, func(r ContractRoute) bool {
		return tenant != "" && !r.Tenant.is(tenant) || source != "" && !r.Source.is(source)
	})
	if len(c.Routes) > 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("%w: no route publishes events of the tenant %q and the source %q: there are %s", ErrUsage,
		cmp.Or(tenant, "*"), cmp.Or(source, "*"), strings.Join(slices.Compact(names), ", "))
}

// is reports whether the name can be this one.
func (n ContractName) is(name string) bool { return n.Dynamic || n.Name == name }

// asyncAPIDoc is a document on its way.
type asyncAPIDoc struct {
	contract *Contract
	channels, operations, messages, schemas,
	servers *object
	keys     map[string]string // of the documents, in components.schemas
	drafts   map[string]string
	routes   map[string]*ContractRoute // by connection and address
	problems []string
}

// asyncAPI makes the document, and says what is not in it.
func asyncAPI(c *Contract) (*object, []string) {
	d := &asyncAPIDoc{
		contract: c, channels: newObject(), operations: newObject(), messages: newObject(), schemas: newObject(), servers: newObject(),
		keys: make(map[string]string), drafts: make(map[string]string), routes: make(map[string]*ContractRoute),
	}
	d.schemas.put("headers", eventHeaders())
	used := make(map[string]bool) // connections
	for i := range c.Routes {
		used[c.Routes[i].Connection] = true
	}
	for i := range c.Connections {
		if used[c.Connections[i].Name] {
			d.addServers(&c.Connections[i])
		}
	}
	d.nameDocuments()
	for i := range c.Routes {
		d.addRoute(&c.Routes[i])
	}
	for i := range c.Connections {
		if used[c.Connections[i].Name] {
			d.addOthers(&c.Connections[i])
		}
	}
	d.addDocuments()
	doc := newObject(
		"asyncapi", asyncAPIVersion,
		"info", d.info(),
		"defaultContentType", "application/json",
		"servers", d.servers,
		"channels", d.channels,
		"operations", d.operations,
		"components", newObject("messages", d.messages, "schemas", d.schemas),
	)
	doc.put("channels", d.channels)
	return doc, d.problems
}

const infoText = `Events of other people's webhooks, each verified, validated and deduplicated by a gateway and stored in NATS JetStream. The document is for those who read them.

What is promised:

- The payload is the exact bytes that the provider sent; of a batch, of one element.
- Only requests whose signature or token was checked reach wh.v1.>. What is on wh-unverified.v1.> may be from anybody, and what is on wh-quarantine.v1.> was not accepted.
- Delivery is at least once. Exactly one message is stored for each event id inside the deduplication window; NATS delivers again what is not acknowledged. Make your consumer idempotent on ce-source and ce-id.
- Metadata are CloudEvents 1.0 in binary mode of the NATS protocol binding. Names of headers are case-sensitive.
- A body that is larger than a message may be is in an object store: ce-dataref names it, and the payload is empty.
- Within v1, the second token of every subject, things are added and nothing is changed or removed. Ignore headers and members that you do not know.

Read with a durable pull consumer of your own on the stream that the channel names.`

func (d *asyncAPIDoc) info() *object {
	text := infoText
	if len(d.servers.names) == 0 {
		text += "\n\nThe gateway's NATS server runs inside it and takes no clients: its block `nats embedded` has no `listen`."
	}
	return newObject(
		"title", "Webhook events",
		"version", contractVersion,
		"description", text,
		"tags", []any{newObject("name", "webhooks"), newObject("name", "CloudEvents", "externalDocs", newObject("url", "https://cloudevents.io/"))},
		"externalDocs", newObject("description", "Consumer contract, v1", "url", contractURL+"consumers.md"),
	)
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// slug is a text as the name of a component.
func slug(text string) string { return strings.Trim(notInName.ReplaceAllString(text, "_"), "._") }

// unique returns the name, with a number if another has it.
func unique(in *object, name string) string {
	for i, own := 2, name; ; i++ {
		if _, there := in.members[own]; !there {
			return own
		}
		own = fmt.Sprintf("%s-%d", name, i)
	}
}

// child returns the object that is a member.
func (o *object) child(name string) *object {
	c, ok := o.members[name].(*object)
	if !ok {
		return newObject()
	}
	return c
}

func reference(path ...string) *object {
	var b strings.Builder
	b.WriteByte('#')
	for _, token := range path {
		b.WriteString("/" + strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1"))
	}
	return newObject("$ref", b.String())
}

// addServers adds the servers of a connection.
func (d *asyncAPIDoc) addServers(c *ContractConnection) {
	urls := c.Servers
	if c.Embedded {
		if c.Listen == "" {
			return
		}
		urls = []string{"nats://" + c.Listen}
	}
	for i, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		name := c.Name
		if len(urls) > 1 {
			name = fmt.Sprintf("%s-%d", c.Name, i+1)
		}
		s := newObject("host", u.Host, "protocol", "nats")
		text := "JetStream; the account's operator says how to log in."
		switch u.Scheme {
		case "tls":
			text += " The connection is with TLS."
		case "ws", "wss":
			s.put("protocol", u.Scheme)
		}
		if c.Embedded {
			text = "JetStream inside the gateway, without a login: clients may read, and nothing else."
		}
		s.set("pathname", strings.TrimSuffix(u.Path, "/"))
		s.set("description", text)
		if c.APIPrefix != defaultAPIPrefix {
			s.set("x-jetstream-api-prefix", c.APIPrefix)
		}
		d.servers.put(name, s)
	}
}

// serversOf are references to the servers of a connection.
func (d *asyncAPIDoc) serversOf(connection string) (list []any) {
	for _, name := range d.servers.names {
		if name == connection || strings.HasPrefix(name, connection+"-") && len(strings.Trim(name[len(connection)+1:], "0123456789")) == 0 {
			list = append(list, reference("servers", name))
		}
	}
	return list
}

// key names a component of a connection: that without a name is left out.
func connectionKey(connection, name string) string {
	if connection == defaultConnection {
		return name
	}
	return connection + "." + name
}

const (
	defaultConnection = "default"
	defaultAPIPrefix  = "$JS.API"
)

// addRoute adds the channel of a route, or adds to it where another route has the
// same tenant and source.
func (d *asyncAPIDoc) addRoute(r *ContractRoute) {
	root := "wh.v1"
	key := r.Tenant.token("tenant") + "." + r.Source.token("source")
	if r.Unverified {
		root, key = "wh-unverified.v1", "unverified."+key
	}
	key = connectionKey(r.Connection, slug(strings.NewReplacer("{", "", "}", "").Replace(key)))
	address := root + "." + r.Tenant.token("tenant") + "." + r.Source.token("source")
	filter := root + "." + r.Tenant.wildcard() + "." + r.Source.wildcard() + ".>"
	parameters := newObject()
	r.Tenant.parameter(parameters, "tenant", "Whose event it is: a name for which there is a secret.")
	r.Source.parameter(parameters, "source", "The name of the source, for which there is a secret.")
	if r.Partitions > 0 {
		address += ".{partition}"
		parameters.put("partition", newObject("description", fmt.Sprintf("The number of the partition, from 0 to %d: events with one order key are in one partition.", r.Partitions-1)))
	}
	address += ".{type}"
	parameters.put("type", newObject("description",
		"The event's type, split into tokens at \".\", \"/\" and \":\": one token or more, of which [A-Za-z0-9_-] stand for themselves and every other byte is =XX; _ for an event without a type. It is for routing: the exact type is in ce-type."))
	if first := d.routes[r.Connection+" "+address]; first != nil { // the same events by another path
		if !slices.EqualFunc(first.Schemas, r.Schemas, func(a, b ContractSchema) bool { return a.Schema == b.Schema && a.SHA256 == b.SHA256 }) {
			d.problems = append(d.problems, fmt.Sprintf("several routes have the subjects %s and differ in their schemas: those of one are in the document", filter))
		}
		return
	}
	d.routes[r.Connection+" "+address] = r
	key = unique(d.channels, key)
	d.schemas.put("headers."+key, r.headerSchema())
	messages, refs := newObject(), []any{}
	for _, name := range d.routeMessages(r, key) {
		local := strings.TrimPrefix(name, key+".")
		messages.put(local, reference("components", "messages", name))
		refs = append(refs, reference("channels", key, "messages", local))
	}
	title := cmp.Or(r.Title, r.Provider)
	text := fmt.Sprintf("Events of %s that the gateway has verified.", title)
	if r.Unverified {
		text = fmt.Sprintf("Events that anybody may have sent, in the form of %s: nothing was verified.", title)
	}
	if r.Batch {
		text += " Requests may hold many events: each is a message of its own."
	}
	if !r.Dedupe {
		text += " Every delivery is stored: the same event may come several times."
	}
	if r.OnInvalid == "tag" {
		text += " Payloads that the schema refuses are published too, with ce-whschema: invalid."
	}
	tags := []any{newObject("name", r.Provider)}
	d.channels.put(key, newObject(
		"address", address,
		"title", title,
		"description", text,
		"messages", messages,
		"parameters", parameters,
		"servers", d.serversOf(r.Connection),
		"tags", tags,
		"externalDocs", docsOf(r),
		"x-jetstream", newObject("stream", r.Stream, "filter_subject", filter),
	))
	d.operations.put("receive."+key, newObject(
		"action", "receive",
		"channel", reference("channels", key),
		"title", "Receive events of "+title,
		"summary", "Read with a durable pull consumer, handle each event once by ce-source and ce-id, then acknowledge.",
		"tags", tags,
		"bindings", newObject("nats", newObject("bindingVersion", natsBinding)),
		"messages", refs,
	))
}

func docsOf(r *ContractRoute) *object {
	if !strings.HasPrefix(r.Docs, "https://") {
		return nil
	}
	return newObject("description", "What the sender says of its webhooks", "url", r.Docs)
}

// token is the name in an address.
func (n ContractName) token(parameter string) string {
	if n.Dynamic {
		return "{" + parameter + "}"
	}
	return n.Name
}

// wildcard is the name in a filter.
func (n ContractName) wildcard() string {
	if n.Dynamic {
		return "*"
	}
	return n.Name
}

func (n ContractName) parameter(in *object, name, text string) {
	if n.Dynamic {
		in.put(name, newObject("description", text+" It is taken from the request: "+n.Name+"."))
	}
}

// headerSchema is what is known of the headers of a route's events beyond what is
// true of all.
func (r *ContractRoute) headerSchema() *object {
	properties, required := newObject(), []any{}
	is := func(name, value string) {
		if value != "" {
			properties.put(name, newObject("const", value))
		}
	}
	is("Nats-Expected-Stream", r.Stream)
	is("ce-source", escapeHeader(r.CESource))
	if !r.Tenant.Dynamic {
		is("ce-whtenant", r.Tenant.Name)
	}
	if !r.Source.Dynamic {
		is("ce-whsource", r.Source.Name)
	}
	is("ce-whprovider", r.Provider)
	properties.put("ce-type", newObject("pattern", "^"+regexp.QuoteMeta(escapeHeader(r.TypePrefix))+`\.`))
	switch {
	case r.Unverified:
		is("ce-whtrust", "unverified")
	default:
		properties.put("ce-whtrust", newObject("enum", []any{"verified", "authenticated"}))
		required = append(required, "ce-whscheme")
	}
	if r.Partitions > 0 {
		required = append(required, "ce-whpartition")
	}
	if !r.Dedupe {
		is("ce-whdedupe", "off")
	}
	if r.Batch {
		required = append(required, "ce-whbatch", "ce-whbatchindex", "ce-whbatchsize")
	}
	switch {
	case len(r.Schemas) == 0:
		is("ce-whschema", "none")
	case r.OnInvalid != "tag":
		// Released events may be invalid all the same.
		properties.put("ce-whschema", newObject("enum", []any{"valid", "invalid", "none"}))
	}
	for _, name := range r.Headers {
		properties.put("Wh-H-"+name, newObject("type", "string", "description", "The request's header "+name+", when it was sent."))
	}
	return newObject("title", "Headers of events of "+cmp.Or(r.Title, r.Provider), "type", "object",
		"allOf", []any{reference("components", "schemas", "headers")}, "required", required, "properties", properties)
}

// escapeHeader percent-encodes a value as the CloudEvents binding says.
func escapeHeader(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// routeMessages adds the messages of a route, one for each schema, and returns their
// names.
func (d *asyncAPIDoc) routeMessages(r *ContractRoute, key string) (names []string) {
	taken, closed := map[string]bool{}, false
	for i := range r.Schemas {
		s := &r.Schemas[i]
		types := slices.DeleteFunc(slices.Clone(s.Types), func(t string) bool { return taken[t] })
		// The schemas of the route's own directory go before those that come with the
		// program.
		if len(types) == 0 || closed && strings.HasPrefix(s.Schema, bundledPrefix) {
			continue
		}
		for _, t := range types {
			taken[t] = true
			closed = closed || t == anyType && !strings.HasPrefix(s.Schema, bundledPrefix)
		}
		names = append(names, d.addMessage(r, key, s, types))
	}
	if !taken[anyType] {
		names = append(names, d.addMessage(r, key, nil, []string{anyType}))
	}
	return names
}

const (
	anyType       = "*"
	bundledPrefix = "bundled/"
)

// addMessage adds a message of a route and returns its name. Without a schema its
// payload may be anything.
func (d *asyncAPIDoc) addMessage(r *ContractRoute, key string, s *ContractSchema, types []string) string {
	local := slug(strings.Join(types, "_"))
	other := slices.Contains(types, anyType)
	title := cmp.Or(r.Title, r.Provider) + ": " + strings.Join(types, ", ")
	if other {
		local = "event"
		if title = cmp.Or(r.Title, r.Provider) + ": any other event"; len(r.Schemas) == 0 {
			title = cmp.Or(r.Title, r.Provider) + ": any event"
		}
	}
	name := unique(d.messages, key+"."+local)
	headers := reference("components", "schemas", "headers."+key)
	if !other || s != nil || len(r.Schemas) > 0 {
		properties := newObject()
		if other && s == nil { // invalid where the route wants a schema for every type
			properties.put("ce-whschema", newObject("enum", []any{"none", "invalid"}))
		}
		if !other {
			properties.put("ce-type", newObject("pattern", typePattern(r.TypePrefix, types)))
		}
		if s != nil {
			properties.put("ce-dataschema", newObject("const", "schema:"+escapeHeader((&url.URL{Path: s.Schema}).EscapedPath())))
		}
		headers = newObject("type", "object", "allOf", []any{headers}, "properties", properties)
	}
	media := mediaJSON
	switch {
	case len(r.ContentTypes) > 0:
		media = r.ContentTypes[0]
	case isForm(r.Provider):
		media = mediaForm
	}
	m := newObject(
		"name", cmp.Or(slug(r.TypePrefix+"."+local), local),
		"title", title,
		"contentType", media,
		"headers", headers,
		"payload", d.payload(r, s, media),
		"correlationId", newObject("description", "The HTTP request that the event came in; the gateway's log and its answer to the sender have the same id.", "location", "$message.header#/ce-whingestid"),
		"tags", []any{newObject("name", r.Provider)},
		"externalDocs", docsOf(r),
	)
	if e := exampleOf(r, types); e != nil {
		m.put("examples", []any{e})
	}
	d.messages.put(name, m)
	return name
}

// typePattern matches ce-type of the types.
func typePattern(prefix string, types []string) string {
	list := make([]string, len(types))
	for i, t := range types {
		var b strings.Builder
		globs := strings.Split(t, "*")
		for j, part := range globs {
			if j > 0 {
				b.WriteString(".*")
			}
			b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(escapeHeader(part)), `\.`, `[./:]`))
		}
		if list[i] = b.String(); len(globs) == 1 {
			list[i] += `([./:].*)?`
		}
	}
	return "^" + regexp.QuoteMeta(escapeHeader(prefix)) + `\.(` + strings.Join(list, "|") + ")$"
}
