package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// keyDocuments is a [verifiers.Fetcher] that has some documents itself.
type keyDocuments struct {
	verifiers.Fetcher
	documents map[string][]byte
}

// Fetch returns the document at rawURL, if the pin permits it there.
func (k *keyDocuments) Fetch(ctx context.Context, pin verifiers.Pin, rawURL string) ([]byte, error) {
	doc, ok := k.documents[rawURL]
	if !ok {
		return k.Fetcher.Fetch(ctx, pin, rawURL)
	}
	if err := pin.Check(rawURL); err != nil {
		return nil, err
	}
	return doc, nil
}

// keyFetcher returns what the route reads keys with: the network but for the
// documents of KeyDocuments, which are read from their files here.
func (h *Handler) keyFetcher() (verifiers.Fetcher, error) {
	if len(h.KeyDocuments) == 0 {
		return h.app.fetcher, nil
	}
	k := &keyDocuments{Fetcher: h.app.fetcher, documents: make(map[string][]byte, len(h.KeyDocuments))}
	for _, address := range slices.Sorted(maps.Keys(h.KeyDocuments)) {
		if err := checkDocumentURL(address); err != nil {
			return nil, fmt.Errorf("key_document: %w", err)
		}
		doc, err := os.ReadFile(filepath.Clean(h.KeyDocuments[address]))
		if err != nil {
			return nil, fmt.Errorf("key_document %s: %w", address, err)
		}
		k.documents[address] = doc
		h.log.Warn("whoever has the keys in this file is taken for the provider: it is read in place of what the provider publishes, and only when the configuration is loaded",
			"route", h.label(), "url", address, "file", h.KeyDocuments[address])
	}
	return k, nil
}

var errDocumentURL = errors.New("name the URL that the provider's keys are fetched from, beginning with https://, and then the file")

func checkDocumentURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return errDocumentURL
	}
	return nil
}

// key_document <url> <file>
func (h *Handler) parseKeyDocument(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 2 {
		return d.Err("key_document takes a URL and a file: write `key_document <url> <file>`")
	}
	if err := checkDocumentURL(args[0]); err != nil {
		return d.WrapErr(fmt.Errorf("key_document: %w", err))
	}
	if _, twice := h.KeyDocuments[args[0]]; twice {
		return d.Err("key_document: the URL is given twice: remove one of them")
	}
	if h.KeyDocuments == nil {
		h.KeyDocuments = make(map[string]string)
	}
	h.KeyDocuments[args[0]] = args[1]
	return nil
}

// Interface guards.
var _ verifiers.Fetcher = (*keyDocuments)(nil)
