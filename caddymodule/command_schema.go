package caddymodule

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/cli"
)

func schemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema <infer|diff|lint|test>",
		Short: "Makes schemas of events, compares versions, and tries one on the events that are stored",
		Long: `
	caddy webhooks schema infer  makes a schema of samples or of stored events
	caddy webhooks schema diff   says what is different between two versions, and for
	                             whom that is a break
	caddy webhooks schema lint   says what is wrong with a schema, or probably not meant
	caddy webhooks schema test   tries a schema on the events that are stored, before
	                             the gateway uses it

They change nothing in the gateway or in NATS. None of them prints a value of a
payload, except that infer lists values of what looks like an enum, which
--no-enums leaves out.`,
	}
	cmd.AddCommand(schemaInfer(), schemaDiff(), schemaLint(), schemaTest())
	return cmd
}

// historyFlags say which stored events are read, and where. The function that it
// returns completes h.
func historyFlags(cmd *cobra.Command, h *cli.HistoryOptions) (complete func() error) {
	f := cmd.Flags()
	f.StringVar(&h.Stream, "stream", cli.DefaultStream, "stream to read")
	f.StringVar(&h.Since, "since", "", "stored since this RFC 3339 `time`, or 1h for an hour ago (default: all)")
	f.StringVar(&h.Until, "until", "", "stored until this RFC 3339 `time`, or 1h for an hour ago")
	f.StringArrayVar(&h.Tenants, "tenant", nil, "only of this tenant; may be repeated")
	f.StringArrayVar(&h.Sources, "source", nil, "only of this source; may be repeated")
	f.StringArrayVar(&h.Types, "type", nil, "only types that fit the `glob`, as the provider writes them or as ce-type; may be repeated")
	f.IntVar(&h.Limit, "limit", 0, "stop after so many events (default: all)")
	return sourceFlags(cmd, &h.Reach)
}

func schemaInfer() *cobra.Command {
	var o cli.InferOptions
	cmd := &cobra.Command{
		Use:   "infer <file|directory|->... | --from-stream",
		Short: "Makes a schema of samples or of stored events",
		Long: `
Makes a schema that says only what enough samples bear out, and leaves the rest
open: members that were never seen are allowed, and lengths and ranges are not
limited. Read it before you use it, and try it with caddy webhooks schema test.

Samples are the JSON values of files, one after the other, of directories of such
files, or of standard input; what tail --json has printed is taken as its events.
With --from-stream they are the events of a stream, which is read as tail does,
through the admin API or from NATS.

With --by-type there is a file for each type, as a route's schema directory has
them, and envelope.json with what all have in common.

The thresholds are numbers of samples that have the place in question. Values of
payloads get into the schema as enums alone, where they look like words of a
vocabulary; --no-enums leaves them out.

The exit status is not 0 if there is no schema.`,
		Example: `  caddy webhooks schema infer samples/*.json > push.json
  caddy webhooks schema infer --from-stream --source stripe --since 168h --by-type --out schemas/stripe
  caddy webhooks tail --json --from all --count 1000 | caddy webhooks schema infer - > all.json`,
	}
	complete := historyFlags(cmd, &o.HistoryOptions)
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if err := complete(); err != nil {
			return err
		}
		o.Paths, o.Stdin, o.Progress = args, cmd.InOrStdin(), cmd.ErrOrStderr()
		return cli.SchemaInfer(ctx, cmd.OutOrStdout(), o)
	})
	f := cmd.Flags()
	f.BoolVar(&o.FromStream, "from-stream", false, "read the events of a stream")
	f.BoolVar(&o.ByType, "by-type", false, "make a file for each type, in the directory of --out")
	f.StringVar(&o.Out, "out", "", "`file`, or directory with --by-type, to write (default: standard output)")
	f.BoolVar(&o.Force, "force", false, "write over files that are there")
	f.BoolVar(&o.Elements, "elements", false, "take each item of an array as a sample")
	f.StringVar(&o.TypeAt, "type-at", "", "JSON `pointer` to the type in samples of files, such as /type")
	f.StringVar(&o.Infer.Title, "title", "", "title of the schema")
	f.IntVar(&o.Infer.MinTyped, "min-typed", 0, "samples until a type is demanded (default: 5)")
	f.IntVar(&o.Infer.MinRequired, "min-required", 0, "samples until members that all have are required (default: 10)")
	f.IntVar(&o.Infer.MinNotNull, "min-not-null", 0, "samples until null is refused where there was none (default: 50)")
	f.IntVar(&o.Infer.MinFormat, "min-format", 0, "samples until a format, or an integer, is demanded (default: 50)")
	f.IntVar(&o.Infer.MinEnum, "min-enum", 0, "samples until the values seen are all that are allowed (default: 100)")
	f.IntVar(&o.Infer.MaxEnum, "max-enum", 0, "most values of an enum (default: 20)")
	f.BoolVar(&o.Infer.NoEnums, "no-enums", false, "leave enums out, so that no value of a sample is in the schema")
	f.BoolVar(&o.Infer.Const, "const", false, `demand the one value of members such as "type" and "object"`)
	f.BoolVar(&o.JSON, "json", false, "with --out: print what was done as JSON")
	return cmd
}

func schemaLint() *cobra.Command {
	var o cli.LintOptions
	cmd := &cobra.Command{
		Use:   "lint <file[#/pointer]|directory> | --bundled <provider>",
		Short: "Says what is wrong with schemas, or probably not meant",
		Long: `
Looks for what keeps a schema from loading (errors), for what does not do what it
seems to, or refuses good events (warnings), and for what may be meant (infos):
misspelt keywords and those of another draft, closed objects, members that are
required under a name that no other has, bounds that contradict each other, formats
that nobody checks.

The exit status is 1 if there are errors, or with --strict warnings, and 2 if that
could not be found out.`,
		Example: `  caddy webhooks schema lint schemas/stripe
  caddy webhooks schema lint --strict push.json`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			o.Path = args[0]
		}
		return yesNo(cli.SchemaLint(cmd.OutOrStdout(), o))
	})
	f := cmd.Flags()
	f.StringArrayVar(&o.Rules, "rule", nil, "`types=file`: which file of the directory is for which types, as a route's type lines; may be repeated")
	f.StringVar(&o.Bundled, "bundled", "", "look at the schemas of this `provider` that come with the program")
	f.BoolVar(&o.Strict, "strict", false, "warnings count as errors")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}

func schemaDiff() *cobra.Command {
	var o cli.DiffOptions
	cmd := &cobra.Command{
		Use:   "diff <old> <new>",
		Short: "Says what is different between two versions, and for whom that is a break",
		Long: `
Compares two files, or two directories in which schemas are found by name. A file
may be followed by "#" and a JSON Pointer.

A change tightens if payloads that were accepted are refused now, which is a break
for the sender; it loosens if payloads that were refused are accepted now, which is
one for consumers. Both are breaking, with two exceptions. Additive is what only
allows more members. Described is a member that nothing was said about: payloads in
which it was something else are refused now, so try the schema with "schema test", or
use --fail-on tightens. If nothing tightens then no payload is refused that was
accepted, and the reverse; what cannot be judged counts as both.

The exit status is 1 if a change is breaking, or what --fail-on says, and 2 if the
schemas cannot be compared.`,
		Example: `  caddy webhooks schema diff schemas/push.json new/push.json
  caddy webhooks schema diff schemas new --fail-on tightens
  caddy webhooks schema diff 'old.json#/definitions/push' 'new.json#/$defs/push' --json`,
		Args: cobra.ExactArgs(2),
	}
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		o.Old, o.New = args[0], args[1]
		return yesNo(cli.SchemaDiff(cmd.OutOrStdout(), o))
	})
	cmd.Flags().StringVar(&o.FailOn, "fail-on", "breaking", "exit with 1 on this: breaking, tightens, loosens, any or never")
	completeValues(cmd, "fail-on", "breaking", "tightens", "loosens", "any", "never")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}

func schemaTest() *cobra.Command {
	var o cli.TestOptions
	cmd := &cobra.Command{
		Use:   "test <file|directory>",
		Short: "Tries a schema on the events that are stored",
		Long: `
Checks the events of a stream against schemas that the gateway does not use yet: a
directory, in which a type's schema is found by name or by --rule, or a file for all
types. It says how many are valid and refused, by type; how many would now be
refused or accepted, going by the verdict that each carries; and what is wrong with
the first that are refused: where, and never the value.

Choose the events that the route would check, with --source and --type. Those that a
schema has put aside are in another stream: --stream WEBHOOKS_QUARANTINE.

The stream is read as tail does, through the admin API or from NATS, without
acknowledging anything. Bodies that are kept apart are fetched.

The exit status is 0 if none is refused, 1 if some are, and another if that could
not be found out, also because NATS failed (3) or you interrupted it (130): what was
found out until then is printed.`,
		Example: `  caddy webhooks schema test schemas/stripe --source stripe
  caddy webhooks schema test push.json --source github --type push --since 24h
  caddy webhooks schema test schemas --rule 'invoice.*=invoice.json' --source billing --json`,
		Args: cobra.ExactArgs(1),
	}
	complete := historyFlags(cmd, &o.HistoryOptions)
	cmd.RunE = runE(func(ctx context.Context, cmd *cobra.Command, args []string) error {
		if err := complete(); err != nil {
			return err
		}
		o.Path, o.Progress = args[0], cmd.ErrOrStderr()
		if o.Failures == 0 {
			o.Failures = -1
		}
		return yesNo(cli.SchemaTest(ctx, cmd.OutOrStdout(), o))
	})
	f := cmd.Flags()
	f.StringArrayVar(&o.Rules, "rule", nil, "`types=file`, as a line \"type\" of a route; may be repeated (default: by name)")
	f.IntVar(&o.Failures, "failures", cli.DefaultFailures, "name so many events that are refused; 0 for none")
	f.BoolVar(&o.JSON, "json", false, "print JSON")
	return cmd
}
