package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/natspub"
)

// PermissionsOptions are what `caddy webhooks nats-permissions` takes.
type PermissionsOptions struct {
	// Contract is what the permissions are for. Required.
	Contract ContractSource
	// For are the roles: gateway, consumer and tool. Empty means gateway.
	For []string
	// Connection is the name of the connection; empty where there is only one that
	// needs permissions.
	Connection string
	// Tenant and Source are whose events a consumer reads; empty means all.
	Tenant, Source string
	// Stream is that of the consumer, if its source is in several.
	Stream string
	// Name is the name of the user, and of the durable consumer.
	Name string
	// NKey is the user's public key; empty means a password.
	NKey string
	// Account is the account with the streams; empty means that there is only one.
	Account string
	// ConsumerAccount is another account, in which the consumer is.
	ConsumerAccount string
	// Create lets a consumer make its durable, and Bodies read large bodies.
	Create, Bodies bool
	// Format is conf, nsc, jwt-json or json; empty means conf.
	Format string
}

// The roles of users.
const (
	RoleGateway  = "gateway"
	RoleConsumer = "consumer"
	RoleTool     = "tool"
)

// Roles are all roles, and PermissionFormats all formats.
var (
	Roles             = []string{RoleGateway, RoleConsumer, RoleTool}
	PermissionFormats = []string{"conf", "nsc", "jwt-json", "json"}
)

// Grant is a subject that a user needs.
type Grant struct {
	Subject string `json:"subject"`
	// For is what it is needed for.
	For string `json:"for"`
	// OnlyOnFailure means that it is needed when something else has failed.
	OnlyOnFailure bool `json:"only_on_failure,omitempty"`
}

// PermittedUser is a user with no more than it needs.
type PermittedUser struct {
	Name       string   `json:"name"`
	Role       string   `json:"role"`
	Connection string   `json:"connection"`
	Account    string   `json:"account,omitempty"`
	NKey       string   `json:"nkey,omitempty"`
	Publish    []Grant  `json:"publish"`
	Subscribe  []Grant  `json:"subscribe"`
	Notes      []string `json:"notes"`

	// Of a consumer.
	Stream string `json:"stream,omitempty"`
	Filter string `json:"filter,omitempty"`
	Create string `json:"consumer_command,omitempty"`
}

// NATSPermissions writes what users of the NATS cluster need, and no more. The errors
// wrap [ErrUsage], or are those of the contract's source.
func NATSPermissions(ctx context.Context, o PermissionsOptions, out io.Writer) error {
	if err := o.complete(); err != nil {
		return err
	}
	contract, err := o.Contract(ctx)
	if err != nil {
		return err
	}
	c, err := contract.permissible(o.Connection)
	if err != nil {
		return err
	}
	var users []PermittedUser
	for _, role := range o.For {
		var u PermittedUser
		switch role {
		case RoleGateway:
			u = gatewayUser(c)
		case RoleTool:
			u = toolUser(c)
		default:
			if u, err = o.consumerUser(contract, c); err != nil {
				return err
			}
		}
		if o.Name != "" && (role == RoleConsumer || len(o.For) == 1) {
			u.Name = o.Name
		}
		u.Account, u.NKey = o.Account, o.NKey
		users = append(users, u)
	}
	var text string
	switch o.Format {
	case "conf":
		text = o.conf(c, users)
	case "nsc":
		text = o.nsc(c, users)
	case "jwt-json":
		text, err = jwtJSON(users)
	default:
		var b []byte
		b, err = indented(map[string]any{"users": users})
		text = string(b)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

var (
	consumerName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	accountName  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// complete checks the options and fills in defaults.
func (o *PermissionsOptions) complete() error {
	if len(o.For) == 0 {
		o.For = []string{RoleGateway}
	}
	if o.Format == "" {
		o.Format = "conf"
	}
	forConsumer := slices.Contains(o.For, RoleConsumer)
	for _, role := range o.For {
		if !slices.Contains(Roles, role) {
			return fmt.Errorf("%w: --for %q: write %s", ErrUsage, role, strings.Join(Roles, ", "))
		}
	}
	switch {
	case !slices.Contains(PermissionFormats, o.Format):
		return fmt.Errorf("%w: --format %q: write %s", ErrUsage, o.Format, strings.Join(PermissionFormats, ", "))
	case len(slices.Compact(slices.Sorted(slices.Values(o.For)))) < len(o.For):
		return fmt.Errorf("%w: --for has a role twice", ErrUsage)
	case forConsumer && o.Name == "":
		return fmt.Errorf("%w: --for consumer needs --name, which is that of its durable consumer", ErrUsage)
	case o.Name != "" && !consumerName.MatchString(o.Name):
		return fmt.Errorf("%w: --name %q: use letters, digits, _ and -, at most 64", ErrUsage, o.Name)
	case !forConsumer && (o.Source != "" || o.Tenant != "" || o.Stream != "" || o.Create || o.Bodies || o.ConsumerAccount != ""):
		return fmt.Errorf("%w: --source, --tenant, --stream, --create, --bodies and --consumer-account belong to --for consumer", ErrUsage)
	case o.NKey != "" && len(o.For) > 1:
		return fmt.Errorf("%w: --nkey is the key of one user: name one role", ErrUsage)
	case o.NKey != "" && !natspub.IsUserKey(o.NKey):
		return fmt.Errorf("%w: --nkey: it is not the public key of a user, which begins with U", ErrUsage)
	case o.Account != "" && !accountName.MatchString(o.Account), o.ConsumerAccount != "" && !accountName.MatchString(o.ConsumerAccount):
		return fmt.Errorf("%w: an account's name has letters, digits, _ and -", ErrUsage)
	case o.ConsumerAccount != "" && (o.Account == "" || o.Account == o.ConsumerAccount):
		return fmt.Errorf("%w: --consumer-account needs --account, and is another", ErrUsage)
	case o.ConsumerAccount != "" && o.Bodies:
		return fmt.Errorf("%w: large bodies are not read from another account: leave --bodies or --consumer-account out", ErrUsage)
	}
	return nil
}

// permissible returns the connection that permissions are for.
func (c *Contract) permissible(name string) (*ContractConnection, error) {
	var clusters []*ContractConnection
	var names []string
	for i := range c.Connections {
		connection := &c.Connections[i]
		switch {
		case connection.Name == name && connection.Embedded:
			return nil, fmt.Errorf("%w: the NATS server of the connection %s runs inside the gateway, and has permissions of its own: its clients may read", ErrUsage, name)
		case connection.Name == name:
			return connection, nil
		case !connection.Embedded:
			clusters, names = append(clusters, connection), append(names, connection.Name)
		}
	}
	switch {
	case name == "" && len(clusters) == 1:
		return clusters[0], nil
	case len(clusters) == 0:
		return nil, fmt.Errorf("%w: there is no connection to a cluster: the NATS server runs inside the gateway, and has permissions of its own: its clients may read", ErrUsage)
	case name == "":
		return nil, fmt.Errorf("%w: there are several connections, each with permissions of its own: name one with --connection: %s", ErrUsage, strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("%w: there is no connection %q: there are %s", ErrUsage, name, strings.Join(names, ", "))
}

// grants gathers grants.
type grants struct {
	list   []Grant
	prefix string // of the JetStream API, without the dot
}

// add adds subjects with what they are for. One that is there already stays.
func (g *grants) add(what string, subjects ...string) { g.put(Grant{For: what}, subjects...) }

// onFailure adds subjects that are needed when something has failed.
func (g *grants) onFailure(what string, subjects ...string) {
	g.put(Grant{For: what, OnlyOnFailure: true}, subjects...)
}

func (g *grants) put(like Grant, subjects ...string) {
	for _, s := range subjects {
		like.Subject = s
		if rest, ok := strings.CutPrefix(s, "API."); ok {
			like.Subject = g.prefix + "." + rest
		}
		if !slices.ContainsFunc(g.list, func(have Grant) bool { return have.Subject == like.Subject }) {
			g.list = append(g.list, like)
		}
	}
}

// gatewayUser is what a gateway needs on a connection.
func gatewayUser(c *ContractConnection) PermittedUser {
	g := &grants{prefix: c.APIPrefix}
	var quarantine bool
	for _, s := range c.Streams {
		switch s.Role {
		case RoleQuarantine:
			quarantine = true
		case RoleOps:
		default:
			g.events(c, &s)
		}
	}
	for _, s := range c.Streams {
		switch s.Role {
		case RoleQuarantine:
			g.quarantine(c, &s)
		case RoleOps:
			g.add("operational events", s.Subjects...)
			if s.Create { // otherwise nobody looks at it
				g.stream(&s, "the stream of operational events")
			}
		}
	}
	if quarantine {
		g.bodies(c)
		g.forgotten(c)
		g.replay(c)
	}
	for _, bucket := range c.Secrets {
		g.add("secrets of tenants: looking one up, and being told of changes in "+bucket, "API.STREAM.INFO.KV_"+bucket, "API.DIRECT.GET.KV_"+bucket+".>",
			"API.CONSUMER.CREATE.KV_"+bucket+".>", "API.CONSUMER.DELETE.KV_"+bucket+".*")
		g.add("secrets of tenants: being told of many changes at once", "$JS.FC.KV_"+bucket+".>")
	}
	u := PermittedUser{Name: RoleGateway, Role: RoleGateway, Connection: c.Name, Publish: g.list, Notes: []string{}}
	u.Subscribe = []Grant{{Subject: c.InboxPrefix + ".>", For: "answers"}}
	if !c.Create {
		u.Notes = append(u.Notes, "`create off`: the streams are yours to make; the gateway's log has the commands.")
	}
	if quarantine {
		u.Notes = append(u.Notes, "Replays to subjects other than wh-replay.v1.> need those too.")
	}
	return u
}

// stream adds what every stream needs.
func (g *grants) stream(s *ContractStream, what string) {
	g.add(what+": whether it keeps what is promised", "API.STREAM.INFO."+s.Name)
	if s.Create {
		g.add(what+": making it", "API.STREAM.CREATE."+s.Name)
		g.add(what+": changing its settings with those of the configuration", "API.STREAM.UPDATE."+s.Name)
	}
}

func (g *grants) events(_ *ContractConnection, s *ContractStream) {
	what := "verified events"
	if s.Role == RoleUnverified || strings.HasPrefix(s.Subjects[0], "wh-unverified.") {
		what = "events that nobody has verified"
	}
	g.add(what, s.Subjects...)
	g.stream(s, "their stream")
	g.add("reading the original of a duplicate, to see that it has the same bytes", "API.DIRECT.GET."+s.Name)
	g.add("looking at a remembered id, and replays; and originals, where direct reads are off", "API.STREAM.MSG.GET."+s.Name)
}

func (g *grants) quarantine(c *ContractConnection, s *ContractStream) {
	g.add("events that are kept aside", s.Subjects...)
	g.stream(s, "the quarantine")
	g.add("showing what is in it, and trying it again", "API.DIRECT.GET."+s.Name)
	if !s.Create {
		g.onFailure("the same, if you have made it without direct reads", "API.STREAM.MSG.GET."+s.Name)
	}
	g.add("removing what was released or dropped", "API.STREAM.MSG.DELETE."+s.Name)
	g.add("making room for samples and when it is nearly full", "API.STREAM.PURGE."+s.Name)
	if c.Samples && c.Release != "" {
		g.add("quarantine release --unverified", "wh-unverified.v1.>", "API.STREAM.INFO."+c.Release, "API.DIRECT.GET."+c.Release)
		if c.Create {
			g.add("quarantine release --unverified, where no route has made the stream", "API.STREAM.CREATE."+c.Release)
		}
	}
}

func (g *grants) bodies(c *ContractConnection) {
	if c.Bodies == "" {
		return
	}
	stream := "OBJ_" + c.Bodies
	g.add("large bodies: storing them", "$O."+c.Bodies+".>", "API.STREAM.INFO."+stream, "API.DIRECT.GET."+stream+".>")
	if c.Create {
		g.add("large bodies: making their bucket", "API.STREAM.CREATE."+stream)
	}
	g.add("large bodies: removing parts of one that was not stored to its end", "API.STREAM.PURGE."+stream)
	g.add("large bodies: reading them again, from quarantine and for replays", "API.CONSUMER.CREATE."+stream+".>", "API.CONSUMER.MSG.NEXT."+stream+".*")
}

func (g *grants) forgotten(c *ContractConnection) {
	stream := "KV_" + c.Forgotten
	g.add("ids that operators had forgotten: whether there are such", "API.STREAM.INFO."+stream, "API.STREAM.MSG.GET."+stream)
	g.add("dedupe forget", "$KV."+c.Forgotten+".>")
	if c.Create {
		g.add("dedupe forget: making the bucket, and changing how long it keeps them", "API.STREAM.CREATE."+stream, "API.STREAM.UPDATE."+stream)
	}
}

// replay is what replays need, of the gateway or of a tool.
func (g *grants) replay(c *ContractConnection) {
	bucket, to := "KV_"+natspub.ReplayBucket, []string{natspub.ReplayRoot + ".>"}
	for _, s := range c.Streams {
		if s.Role == RoleQuarantine || s.Role == RoleOps {
			continue
		}
		g.add("replays: reading", "API.STREAM.INFO."+s.Name, "API.STREAM.MSG.GET."+s.Name, "API.CONSUMER.CREATE."+s.Name+".>", "API.CONSUMER.MSG.NEXT."+s.Name+".*")
		if strings.HasPrefix(s.Subjects[0], "wh-unverified.") {
			to = append(to, natspub.UnverifiedReplayRoot+".>")
		}
	}
	g.add("replays: how far they are", "API.STREAM.INFO."+bucket, "$KV."+natspub.ReplayBucket+".>", "API.DIRECT.GET."+bucket+".>")
	g.add("replays: listing them", "API.CONSUMER.CREATE."+bucket+".>", "API.CONSUMER.DELETE."+bucket+".*")
	g.add("replays: listing many", "$JS.FC."+bucket+".>")
	g.add("replays: making the bucket", "API.INFO", "API.STREAM.CREATE."+bucket)
	g.add("replays: the subjects that they go to, and their stream", append(to, "API.STREAM.NAMES", "API.STREAM.CREATE."+natspub.ReplayStream)...)
}

// toolUser is what `caddy webhooks` needs on a connection of its own: tail, show,
// listen, schema infer and schema test, and replay.
func toolUser(c *ContractConnection) PermittedUser {
	g := &grants{prefix: c.APIPrefix}
	for _, s := range c.Streams {
		g.add("tail, listen and schema: reading "+s.Name, "API.STREAM.INFO."+s.Name, "API.CONSUMER.CREATE."+s.Name+".>", "API.CONSUMER.MSG.NEXT."+s.Name+".*")
		g.add("show: one event of "+s.Name, "API.DIRECT.GET."+s.Name, "API.STREAM.MSG.GET."+s.Name)
	}
	if c.Bodies != "" {
		stream := "OBJ_" + c.Bodies
		g.add("tail --fetch and replay: large bodies", "API.STREAM.INFO."+stream, "API.DIRECT.GET."+stream+".>",
			"API.CONSUMER.CREATE."+stream+".>", "API.CONSUMER.MSG.NEXT."+stream+".*")
	}
	g.replay(c)
	return PermittedUser{
		Name: RoleTool, Role: RoleTool, Connection: c.Name, Publish: g.list,
		Subscribe: []Grant{{Subject: "_INBOX.>", For: "answers"}},
		Notes:     []string{"It reads every event, quarantine included, and can send replays. It can change nothing else."},
	}
}

// consumerUser is what a service needs to read with its own durable consumer.
func (o *PermissionsOptions) consumerUser(contract *Contract, c *ContractConnection) (PermittedUser, error) {
	stream, filter, err := o.consumerOf(contract, c)
	if err != nil {
		return PermittedUser{}, err
	}
	g := &grants{prefix: c.APIPrefix}
	if o.ConsumerAccount != "" {
		g.prefix = o.importedAPI()
	}
	g.add("finding its consumer", "API.CONSUMER.INFO."+stream+"."+o.Name)
	g.add("fetching events", "API.CONSUMER.MSG.NEXT."+stream+"."+o.Name)
	g.add("acknowledging them", "$JS.ACK."+stream+"."+o.Name+".>")
	u := PermittedUser{
		Name: o.Name, Role: RoleConsumer, Connection: c.Name, Stream: stream, Filter: filter,
		Subscribe: []Grant{{Subject: "_INBOX_" + o.Name + ".>", For: "what it fetches: nobody else can listen to that"}},
		Create: fmt.Sprintf("nats consumer add %s %s --pull --filter '%s' --deliver all --ack explicit --wait 30s --max-deliver 10 --max-pending 256 --defaults",
			stream, o.Name, filter),
		Notes: []string{"Its client has to use the inbox prefix _INBOX_" + o.Name + "."},
	}
	if o.ConsumerAccount != "" {
		u.Notes = append(u.Notes, "Its client has to ask JetStream with the API prefix "+g.prefix+": without that it asks its own account.")
	}
	if o.Create {
		g.add("making its consumer: the server holds it to this name and this filter", "API.CONSUMER.CREATE."+stream+"."+o.Name+"."+filter)
		u.Notes = append(u.Notes, "It chooses the other settings of its consumer: also one that pushes, to any subject of the account.")
	} else {
		u.Notes = append(u.Notes, "Its consumer is made by you: `"+u.Create+"`. What it reads is what the filter says there.")
	}
	if o.Bodies {
		if c.Bodies == "" {
			return u, fmt.Errorf("%w: --bodies: body_store is off", ErrUsage)
		}
		obj := "OBJ_" + c.Bodies
		g.add("large bodies, of any source", "API.STREAM.INFO."+obj, "API.DIRECT.GET."+obj+".>", "API.CONSUMER.CREATE."+obj+".>", "API.CONSUMER.DELETE."+obj+".*")
		g.add("large bodies of many megabytes", "$JS.FC."+obj+".>")
		u.Notes = append(u.Notes, "Whoever reads large bodies can read those of all sources: only their hashes are their names.")
	}
	u.Publish = g.list
	return u, nil
}

// consumerOf returns the stream and the filter of a consumer.
func (o *PermissionsOptions) consumerOf(contract *Contract, c *ContractConnection) (stream, filter string, err error) {
	streams := map[string]bool{}
	unverified := false
	var names []string
	for i := range contract.Routes {
		r := &contract.Routes[i]
		if r.Connection != c.Name {
			continue
		}
		names = append(names, r.Tenant.Name+"/"+r.Source.Name)
		if o.Tenant != "" && !r.Tenant.is(o.Tenant) || o.Source != "" && !r.Source.is(o.Source) || o.Stream != "" && o.Stream != r.Stream {
			continue
		}
		streams[r.Stream] = true
		unverified = r.Unverified
	}
	switch {
	case len(streams) == 0:
		slices.Sort(names)
		return "", "", fmt.Errorf("%w: no route on this connection has such events: there are %s", ErrUsage, strings.Join(slices.Compact(names), ", "))
	case len(streams) > 1:
		var list []string
		for name := range streams {
			list = append(list, name)
		}
		slices.Sort(list)
		return "", "", fmt.Errorf("%w: these events are in several streams, and a consumer reads one: choose with --stream, or with --source: %s", ErrUsage, strings.Join(list, ", "))
	}
	for name := range streams {
		stream = name
	}
	root := natspub.Root
	if unverified {
		root = natspub.UnverifiedRoot
	}
	star := func(name string) string {
		if name == "" {
			return "*"
		}
		return name
	}
	if filter = root + "." + star(o.Tenant) + "." + star(o.Source) + ".>"; o.Tenant == "" && o.Source == "" {
		filter = root + ".>"
	}
	return stream, filter, nil
}

// importedAPI is where JetStream is asked in the account of the consumer.
func (o *PermissionsOptions) importedAPI() string { return "JS." + o.Account + ".API" }

// exported is what a subject of the consumer's account is in that of the streams.
func (o *PermissionsOptions) exported(c *ContractConnection, subject string) string {
	if rest, ok := strings.CutPrefix(subject, o.importedAPI()+"."); ok {
		return c.APIPrefix + "." + rest
	}
	return subject
}

func indented(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return []byte(b.String()), err
}

var errNoKey = errors.New("--format jwt-json needs --nkey: a JWT is about a key")

// jwtJSON is the claims of a user's JWT, as `nsc` and the libraries of JWTs have them,
// one object a line.
func jwtJSON(users []PermittedUser) (string, error) {
	var b strings.Builder
	for _, u := range users {
		if u.NKey == "" {
			return "", fmt.Errorf("%w: %w", ErrUsage, errNoKey)
		}
		text, err := indented(newObject(
			"name", u.Name, "sub", u.NKey,
			"nats", newObject(
				"pub", newObject("allow", subjectsOf(u.Publish)),
				"sub", newObject("allow", subjectsOf(u.Subscribe)),
				"subs", -1, "data", -1, "payload", -1, "type", "user", "version", 2,
			),
		))
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	return b.String(), nil
}

func subjectsOf(list []Grant) (subjects []any) {
	for _, g := range list {
		subjects = append(subjects, g.Subject)
	}
	return subjects
}
