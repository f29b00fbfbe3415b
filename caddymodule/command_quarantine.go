package caddymodule

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

// adminFlags say where the admin API of the running Caddy is, as for Caddy's own
// commands.
type adminFlags struct{ address, config, adapter string }

func (a *adminFlags) add(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&a.address, "address", "", "`address` of Caddy's admin API (default: that of --config, or $CADDY_ADMIN, or "+cli.DefaultAdmin+")")
	f.StringVar(&a.config, "config", "", "configuration `file` that says where the admin API is")
	f.StringVar(&a.adapter, "adapter", "", "`name` of the config adapter of --config")
}

// given returns the address that the flags say, or "" if they say none.
func (a *adminFlags) given() (string, error) {
	if a.address == "" && a.config == "" {
		return "", nil
	}
	return a.find()
}

func (a *adminFlags) find() (string, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(a.address, nil, a.config, a.adapter)
	if err != nil {
		return "", usageError("finding the admin API: %w", err)
	}
	return address, nil
}

// client asks the admin API.
func (a *adminFlags) client(ctx context.Context, method, uri string, body io.Reader) (*http.Response, error) {
	address, err := a.find()
	if err != nil {
		return nil, err
	}
	return cli.AdminRequest(ctx, address, method, uri, body)
}

func quarantineCommand() *cobra.Command {
	var admin adminFlags
	var o cli.QuarantineOptions
	cmd := &cobra.Command{
		Use:   "quarantine <list|show|retry|release|drop>",
		Short: "Shows what is in quarantine, tries it again, releases or drops it",
		Long: `
Events that cannot be published are kept in quarantine: those that a schema
refuses (kind schema), that have the id of another event (conflict), that lack the
id or the type that the route demands (no_id, no_type), batches of too many events
(too_many), and a few of the requests whose signature was refused (signature).

They are named by their sequence, which list shows. retry puts an event through its
route again, with the secrets, the schema and the filters of now, and publishes it
under its own id. release publishes it as it is. drop deletes it. Each leaves a
record in Caddy's log and on wh-ops.v1.>.

These commands ask the running Caddy through its admin API.`,
	}
	admin.add(cmd)
	f := cmd.PersistentFlags()
	f.StringVar(&o.Connection, "connection", "", "`name` of the connection to NATS, where there are several; default is the one without a name")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	cmd.AddCommand(quarantineList(&admin, &o), quarantineShow(&admin, &o),
		quarantineDo(&admin, &o, actionRetry, "Puts events through their routes again", `
Verifies the request again, as of the time at which it came and with the secrets of
now, finds id and type, applies filters and schema, and publishes the event under
its own id: if the sender has sent it again meanwhile it is a duplicate. What is
still refused stays in quarantine. Whether the id is known is found out by
publishing, and so not with --dry-run.

A request whose proof is a credential, such as a token, cannot be verified again,
because the credential is not kept: that it was verified when it came counts. One
whose signature was refused then can only be tried again where the proof was kept.`),
		quarantineDo(&admin, &o, actionRelease, "Publishes events as they are", `
Publishes events without validation, in the order in which they came, under their
own ids. It stops at the first that NATS does not take.

An event whose id belongs to another needs --new-id, which gives it an id that is
made of its own and of its bytes. A request whose signature was refused needs
--unverified, and is then published on wh-unverified.v1.>, never as verified.`),
		quarantineDo(&admin, &o, actionDrop, "Deletes events", `
Deletes events for good. The sender was told that they have arrived.`))
	return cmd
}

// choice adds the flags that choose events.
func choice(cmd *cobra.Command, o *cli.QuarantineOptions) {
	f := cmd.Flags()
	f.StringVar(&o.Tenant, "tenant", "", "only events of this tenant")
	f.StringVar(&o.Source, "source", "", "only events of this source")
	f.StringVar(&o.Kind, "kind", "", "only events of this kind: "+strings.Join(cli.Kinds, ", "))
}

func quarantineList(admin *adminFlags, o *cli.QuarantineOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Lists the events in quarantine, the oldest first",
		Example: "  caddy webhooks quarantine list --source github --kind schema",
		Args:    cobra.NoArgs,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, _ []string) error {
			return cli.QuarantineList(ctx, admin.client, *o, cmd.OutOrStdout())
		}),
	}
	choice(cmd, o)
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "show so many (default: all)")
	return cmd
}

func quarantineShow(admin *adminFlags, o *cli.QuarantineOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show <sequence>",
		Short: "Shows one event with its request",
		Long: `
Shows the event and the request that it came in. Values of headers that may hold a
credential were never kept.`,
		Example: `  caddy webhooks quarantine show 12
  caddy webhooks quarantine show 12 --body > body.json`,
		Args: cobra.ExactArgs(1),
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			o.Sequences = args
			return cli.QuarantineShow(ctx, admin.client, *o, cmd.OutOrStdout())
		}),
	}
	cmd.Flags().BoolVar(&o.Body, "body", false, "print the exact bytes of the body and nothing else")
	return cmd
}

// quarantineExamples are those of the actions.
var quarantineExamples = map[string]string{
	actionRetry: `  caddy webhooks quarantine retry --all --source github --kind schema --dry-run
  caddy webhooks quarantine retry 12-20`,
	actionRelease: `  caddy webhooks quarantine release 12 --reason "the schema is wrong, ticket 4711"
  caddy webhooks quarantine release 13 --new-id --reason "both orders are real"`,
	actionDrop: `  caddy webhooks quarantine drop --all --source github --kind signature --reason "a scanner"`,
}

func quarantineDo(admin *adminFlags, o *cli.QuarantineOptions, action, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     action + " <sequence>... | --all",
		Short:   short,
		Example: quarantineExamples[action],
		Long: long + `

Events are named by their sequences, or ranges of them such as 12-20, or chosen
with --all, which --tenant, --source and --kind narrow. The exit status is 1 if
not all of them are done with.`,
		RunE: runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
			o.Sequences, o.Progress = args, cmd.ErrOrStderr()
			if o.By == "" {
				o.By = operator()
			}
			return cli.QuarantineDo(ctx, admin.client, action, *o, cmd.OutOrStdout())
		}),
	}
	choice(cmd, o)
	f := cmd.Flags()
	f.BoolVar(&o.All, "all", false, "all events that are in quarantine, or that the other flags choose")
	f.BoolVar(&o.DryRun, "dry-run", false, "only say what would become of them")
	f.StringVar(&o.Reason, "reason", "", "why, for the record")
	f.StringVar(&o.By, "by", "", "who, for the record (default: the user)")
	if action != actionDrop {
		f.IntVar(&o.Rate, "rate", 0, "how many a second (default: 100)")
	}
	if action == actionRelease {
		f.BoolVar(&o.NewID, "new-id", false, "give events whose id belongs to another an id of their own")
		f.BoolVar(&o.Unverified, "unverified", false, "publish requests whose signature was refused, as unverified")
	}
	return cmd
}

// operator is who runs the command, as far as the machine says.
func operator() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME"} {
		if name := os.Getenv(name); name != "" {
			return name
		}
	}
	return cli.Operator()
}
