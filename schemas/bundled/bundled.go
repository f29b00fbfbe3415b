// Package bundled holds the schemas of providers that come with the program.
//
// They are written from the providers' documentation and are meant to be kept
// beside a consumer for years: they require what a provider documents as always
// there, permit members that are not documented, and leave enumerations open
// that a provider is known to extend.
//
// A provider has one directory, by its name in the catalogue. Its files are
// chosen by name, as [schemas.Config] says: invoice.paid.json is for the type
// "invoice.paid" and those below it, envelope.json for all others, and files that
// begin with "_" hold what others refer to.
//
// testdata/<provider>/<name>.json holds samples of events that fit and of events
// that do not; each schema has at least one of both.
//
// [schemas.Config]: https://pkg.go.dev/github.com/caddy-webhooks/caddy-webhooks/schemas#Config
package bundled

import (
	"embed"
	"io/fs"
	"slices"
)

// The pattern names files, so that those with "_" are embedded as well; it does
// not reach the samples, which are one level further down.
//
//go:embed */*.json
var files embed.FS

// FS returns the schemas of a provider, by its name in the catalogue, and whether
// there are any.
func FS(provider string) (fs.FS, bool) {
	if !slices.Contains(Providers(), provider) {
		return nil, false
	}
	sub, err := fs.Sub(files, provider)
	return sub, err == nil
}

// Providers returns the names of the providers that have schemas, in order.
func Providers() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil // it is a part of the program
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names
}
