package verifiers

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

const (
	// maxAddresses is how many entries a list may have.
	maxAddresses = 10_000
	// maxAddressBytes is the default of AddressList.MaxBytes. The list of a sender is
	// often a part of a document about all that it does.
	maxAddressBytes = 4 << 20
	// The widest networks that a list may hold. What is wider is no list of senders,
	// and would permit a large part of the Internet.
	widest4, widest6 = 8, 16
)

// An AddressList says where a sender publishes the addresses that it sends from.
type AddressList struct {
	// URL is the list's, with HTTPS and on port 443. Redirects are not followed.
	URL string `json:"url"`
	// Pointers are JSON Pointers of the addresses, or of arrays of them. A step "*"
	// stands for all elements of an array, or all members of an object. Empty means
	// that the document is text: an address in each line, and comments after "#".
	Pointers []string `json:"pointers,omitempty"`
	// Address is the JSON Pointer of the address in what Pointers lead to, where
	// that are objects.
	Address string `json:"address,omitempty"`
	// Has are words by the JSON Pointers of members of these objects. Only objects
	// whose members are these words, or arrays with these words among others, count.
	Has map[string]string `json:"has,omitempty"`
	// MaxBytes caps the size of the document. Zero means 4 MiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
}

// String names the list: its URL and, after "#", what of the document it is.
func (l AddressList) String() string {
	if len(l.Pointers) == 0 {
		return l.URL
	}
	parts := slices.Clone(l.Pointers)
	for _, pointer := range slices.Sorted(maps.Keys(l.Has)) {
		parts = append(parts, strings.TrimPrefix(pointer, "/")+"="+l.Has[pointer])
	}
	return l.URL + "#" + strings.Join(parts, ",")
}

// Pin permits the list's URL and no other.
func (l AddressList) Pin() Pin {
	p := Pin{MaxBytes: l.MaxBytes}
	if p.MaxBytes == 0 {
		p.MaxBytes = maxAddressBytes
	}
	if u, err := url.Parse(l.URL); err == nil {
		p.Hosts, p.PathSuffix = []string{u.Hostname()}, u.EscapedPath()
	}
	return p
}

// check reports what is wrong with the description.
func (l AddressList) check() error {
	if err := l.Pin().Check(l.URL); err != nil || strings.Contains(l.URL, "*") {
		return errors.Join(fmt.Errorf("%q is not the URL of a list: want https:// and a host", l.URL), err)
	}
	pointers := slices.Clone(l.Pointers)
	if l.Address != "" {
		pointers = append(pointers, l.Address)
	}
	for pointer := range l.Has {
		pointers = append(pointers, pointer)
	}
	for _, pointer := range pointers {
		if pointer != "" && pointer[0] != '/' {
			return fmt.Errorf("a JSON Pointer starts with /: %q", pointer)
		}
	}
	switch {
	case len(l.Pointers) == 0 && (l.Address != "" || len(l.Has) > 0):
		return errors.New("the addresses are members of objects, and there are no pointers to these")
	case len(l.Has) > 0 && l.Address == "":
		return errors.New("objects are chosen, and there is no pointer to the address in them")
	case l.MaxBytes < 0:
		return errors.New("a limit is negative")
	}
	return nil
}

// Parse returns the addresses in the document. It returns an error, which wraps
// [ErrMalformed], unless all of them can be read and there is at least one: what is
// only half a list must not replace a whole one.
func (l AddressList) Parse(document []byte) ([]netip.Prefix, error) {
	entries, err := l.entries(document)
	if err != nil {
		return nil, err
	}
	switch n := len(entries); {
	case n == 0:
		return nil, fmt.Errorf("the list has no addresses: %w", ErrMalformed)
	case n > maxAddresses:
		return nil, fmt.Errorf("the list has %d addresses, more than %d: %w", n, maxAddresses, ErrMalformed)
	}
	prefixes := make([]netip.Prefix, 0, len(entries))
	for i, entry := range entries {
		p, err := parsePrefix(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the list: %w", i+1, err)
		}
		prefixes = append(prefixes, p)
	}
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	return slices.Compact(prefixes), nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return p, fmt.Errorf("it is no address: %w", ErrMalformed)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	least := widest4
	if p.Addr().Is6() {
		least = widest6
	}
	if p.Bits() < least || p.Addr().Is4In6() {
		return p, fmt.Errorf("it is too wide a network: %w", ErrMalformed)
	}
	return p.Masked(), nil
}

func (l AddressList) entries(document []byte) ([]string, error) {
	if len(l.Pointers) == 0 {
		return textEntries(document), nil
	}
	root, err := decodeJSON(document)
	if err != nil {
		return nil, err
	}
	var entries []string
	for _, pointer := range l.Pointers {
		found := resolveAll(root, pointer)
		if len(found) == 0 {
			return nil, fmt.Errorf("the list has nothing at %s: %w", pointer, ErrMalformed)
		}
		for _, v := range found {
			if entries, err = l.collect(entries, v); err != nil {
				return nil, err
			}
		}
	}
	return entries, nil
}

// collect appends the addresses of what a pointer leads to.
func (l AddressList) collect(entries []string, v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		if l.Address == "" {
			return append(entries, v), nil
		}
	case []any:
		var err error
		for _, element := range v {
			if _, nested := element.([]any); nested {
				return nil, errNoAddress
			}
			if entries, err = l.collect(entries, element); err != nil {
				return nil, err
			}
		}
		return entries, nil
	case map[string]any:
		if l.Address == "" {
			break
		}
		if !l.has(v) {
			return entries, nil
		}
		if found := resolveAll(v, l.Address); len(found) == 1 {
			if s, ok := found[0].(string); ok {
				return append(entries, s), nil
			}
		}
	}
	return nil, errNoAddress
}

var errNoAddress = fmt.Errorf("the list has something else in an address's place: %w", ErrMalformed)

// has reports whether the object is one of those that count.
func (l AddressList) has(object any) bool {
	for pointer, word := range l.Has {
		found := resolveAll(object, pointer)
		if len(found) == 1 {
			if list, ok := found[0].([]any); ok {
				found = list
			}
		}
		if !slices.Contains(found, any(word)) {
			return false
		}
	}
	return true
}

// resolveAll returns what a JSON Pointer with stars leads to.
func resolveAll(root any, pointer string) []any {
	found := []any{root}
	for _, step := range strings.Split(pointer, "/")[1:] {
		var next []any
		for _, v := range found {
			next = appendStep(next, v, step)
		}
		found = next
	}
	return found
}

func appendStep(list []any, v any, step string) []any {
	switch v := v.(type) {
	case map[string]any:
		if step == "*" {
			for _, member := range v {
				list = append(list, member)
			}
		} else if member, ok := v[unescapePointer.Replace(step)]; ok {
			list = append(list, member)
		}
	case []any:
		if step == "*" {
			list = append(list, v...)
		} else if i, ok := arrayIndex(step); ok && i < len(v) {
			list = append(list, v[i])
		}
	}
	return list
}

func textEntries(document []byte) []string {
	var entries []string
	for line := range bytes.Lines(bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		if entry := bytes.TrimSpace(line); len(entry) > 0 {
			entries = append(entries, string(entry))
		}
	}
	return entries
}
