package capture

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// What an option of curl means here.
type curlOption int

const (
	curlFlag    curlOption = iota // does not change the request
	curlIgnored                   // has a value, and does not change the request
	curlHeader
	curlMethod
	curlURL
	curlData
	curlRaw
	curlBinary
	curlEncode
	curlJSON
	curlUser
	curlAgent
	curlReferer
	curlCookie
	curlBearer
	curlGet
	curlHead
	curlCompressed
	curlURLQuery
	curlTarget
)

// curlOptions are the options that are known. Those of which the value is a word of
// one letter have that as well.
var curlOptions = map[string]curlOption{
	"-H": curlHeader, "--header": curlHeader,
	"-X": curlMethod, "--request": curlMethod,
	"--url": curlURL, "--request-target": curlTarget,
	"-d": curlData, "--data": curlData, "--data-ascii": curlData,
	"--data-raw": curlRaw, "--data-binary": curlBinary, "--data-urlencode": curlEncode, "--json": curlJSON,
	"-u": curlUser, "--user": curlUser, "--oauth2-bearer": curlBearer,
	"-A": curlAgent, "--user-agent": curlAgent, "-e": curlReferer, "--referer": curlReferer,
	"-b": curlCookie, "--cookie": curlCookie,
	"-G": curlGet, "--get": curlGet, "-I": curlHead, "--head": curlHead,
	"--compressed": curlCompressed, "--url-query": curlURLQuery,

	"-k": curlFlag, "--insecure": curlFlag, "-L": curlFlag, "--location": curlFlag, "-s": curlFlag, "--silent": curlFlag,
	"-S": curlFlag, "--show-error": curlFlag, "-v": curlFlag, "--verbose": curlFlag, "-i": curlFlag, "--include": curlFlag,
	"--show-headers": curlFlag, "-f": curlFlag, "--fail": curlFlag, "--fail-with-body": curlFlag, "-g": curlFlag, "--globoff": curlFlag,
	"--http1.0": curlFlag, "--http1.1": curlFlag, "--http2": curlFlag, "--http2-prior-knowledge": curlFlag, "--http3": curlFlag,
	"-N": curlFlag, "--no-buffer": curlFlag, "-#": curlFlag, "--progress-bar": curlFlag, "--no-progress-meter": curlFlag,
	"-4": curlFlag, "--ipv4": curlFlag, "-6": curlFlag, "--ipv6": curlFlag, "--path-as-is": curlFlag, "-O": curlFlag, "--remote-name": curlFlag,
	"--tlsv1.2": curlFlag, "--tlsv1.3": curlFlag, "--raw": curlFlag, "--basic": curlFlag, "--tr-encoding": curlFlag, "-0": curlFlag,
	"-1": curlFlag, "-q": curlFlag, "--disable": curlFlag, "-j": curlFlag, "--ssl-reqd": curlFlag, "-J": curlFlag,

	"-o": curlIgnored, "--output": curlIgnored, "-m": curlIgnored, "--max-time": curlIgnored, "--connect-timeout": curlIgnored,
	"-w": curlIgnored, "--write-out": curlIgnored, "-x": curlIgnored, "--proxy": curlIgnored, "--resolve": curlIgnored,
	"--connect-to": curlIgnored, "--cacert": curlIgnored, "--capath": curlIgnored, "-E": curlIgnored, "--cert": curlIgnored,
	"--key": curlIgnored, "--retry": curlIgnored, "--retry-delay": curlIgnored, "--retry-max-time": curlIgnored, "-c": curlIgnored,
	"--cookie-jar": curlIgnored, "-D": curlIgnored, "--dump-header": curlIgnored, "--interface": curlIgnored,
	"--limit-rate": curlIgnored, "--max-redirs": curlIgnored, "--ciphers": curlIgnored, "--unix-socket": curlIgnored, "--trace": curlIgnored,
	"--trace-ascii": curlIgnored, "--expect100-timeout": curlIgnored, "--keepalive-time": curlIgnored, "--stderr": curlIgnored,
}

// curlRefused are options of which the request cannot be told, and why.
var curlRefused = map[string]string{
	"-F":            "curl chooses the boundary of a multipart form anew each time, so that the bytes that were signed are not in the command: capture the request itself",
	"--form":        "curl chooses the boundary of a multipart form anew each time, so that the bytes that were signed are not in the command: capture the request itself",
	"--form-string": "curl chooses the boundary of a multipart form anew each time, so that the bytes that were signed are not in the command: capture the request itself",
	"-T":            "what is uploaded is not in the command: use --data-binary @file with --allow-files",
	"--upload-file": "what is uploaded is not in the command: use --data-binary @file with --allow-files",
	"-K":            "no file of options is read: write them out",
	"--config":      "no file of options is read: write them out",
	"--next":        "it begins another request: hand over one command for each",
	"-:":            "it begins another request: hand over one command for each",
	"--aws-sigv4":   "curl signs the request when it sends it",
	"--digest":      "curl makes the header Authorization when it sends the request",
	"--ntlm":        "curl makes the header Authorization when it sends the request",
	"--negotiate":   "curl makes the header Authorization when it sends the request",
	"-n":            "no file of passwords is read",
	"--netrc":       "no file of passwords is read",
}

// herePrefix is before the command where `caddy webhooks sign --curl` writes a body
// that no argument can be.
const herePrefix = "base64 -d <<'END' | "

// isCurl reports whether a text begins like a command line.
func isCurl(text []byte) bool {
	line := string(text[:min(len(text), 300)])
	line = strings.TrimPrefix(strings.TrimPrefix(line, "$ "), herePrefix)
	name, _, _ := strings.Cut(strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(line), " ")
	name = strings.TrimSuffix(strings.ToLower(path.Base(strings.ReplaceAll(strings.Trim(name, `"'`), `\`, "/"))), ".exe")
	return name == "curl"
}

type curlCommand struct {
	r        *Request
	read     func(string) ([]byte, error)
	method   string
	urls     []string
	target   string
	parts    [][]byte // of the body, joined with &
	json     bool
	hasJSON  []byte
	get      bool
	head     bool
	query    []string
	dropped  []string // headers that curl would send and must not
	hasData  bool
	packable bool
	piped    bool // standard input is in the capture
}

// parseCurl reads one curl command.
func parseCurl(data []byte, read func(string) ([]byte, error)) (*Request, error) {
	text := strings.TrimLeft(string(withoutBOM(data)), " \t\r\n")
	text = strings.TrimPrefix(text, "$ ")
	text, piped := strings.CutPrefix(text, herePrefix)
	var args []string
	var rest string
	var err error
	if isCmd(text) {
		args, err = cmdWords(text)
	} else {
		args, rest, err = words(text)
	}
	if err != nil {
		return nil, err
	}
	if len(args) == 0 || !isCurl([]byte(args[0])) {
		return nil, unreadable("it is not a curl command line")
	}
	c := &curlCommand{r: newRequest(), read: read}
	if piped {
		encoded, _, _ := strings.Cut(strings.TrimLeft(rest, "\r\n"), "\nEND")
		input, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, unreadable("what is between END and END is not base64")
		}
		c.piped = true
		c.read = func(name string) ([]byte, error) {
			if name == "-" {
				return input, nil
			}
			return c.open(read, name)
		}
	}
	if err := c.options(args[1:]); err != nil {
		return nil, err
	}
	return c.request()
}

func (c *curlCommand) options(args []string) error {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			c.urls = append(c.urls, args...)
			return nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			c.urls = append(c.urls, arg)
			continue
		}
		names, value, has := []string{arg}, "", false
		if !strings.HasPrefix(arg, "--") {
			names, value, has = letters(arg)
		}
		for i, name := range names {
			if why, ok := curlRefused[name]; ok {
				return unreadable("curl's %s cannot be judged: %s", name, why)
			}
			kind, ok := curlOptions[name]
			if !ok {
				if kind, ok = curlNegated(name); !ok {
					return unreadable("curl's option %s is not known here: leave it out if it does not change the request", shortened(name))
				}
			}
			if !kind.hasValue() {
				c.flag(kind)
				continue
			}
			if i < len(names)-1 {
				return unreadable("curl's option %s needs a value", name)
			}
			if !has {
				if len(args) == 0 {
					return unreadable("curl's option %s has no value", name)
				}
				value, args = args[0], args[1:]
			}
			if err := c.option(kind, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// letters takes options of one letter apart, such as -sSXPOST.
func letters(arg string) (names []string, value string, has bool) {
	for i := 1; i < len(arg); i++ {
		name := "-" + arg[i:i+1]
		names = append(names, name)
		_, refused := curlRefused[name]
		if kind, ok := curlOptions[name]; (ok && kind.hasValue() || refused) && i+1 < len(arg) {
			return names, arg[i+1:], true
		}
	}
	return names, "", false
}

func curlNegated(name string) (curlOption, bool) {
	plain, ok := strings.CutPrefix(name, "--no-")
	if !ok {
		return 0, false
	}
	kind, ok := curlOptions["--"+plain]
	return curlFlag, ok && kind == curlFlag
}

func (k curlOption) hasValue() bool {
	return !slices.Contains([]curlOption{curlFlag, curlGet, curlHead, curlCompressed}, k)
}

func (c *curlCommand) flag(kind curlOption) {
	switch kind {
	case curlGet:
		c.get = true
	case curlHead:
		c.head = true
	case curlCompressed:
		c.packable = true
	default:
	}
}

func (c *curlCommand) option(kind curlOption, value string) error {
	switch kind {
	case curlHeader:
		return c.header(value)
	case curlMethod:
		c.method = value
	case curlURL:
		c.urls = append(c.urls, value)
	case curlTarget:
		c.target = value
	case curlData, curlBinary, curlRaw, curlEncode, curlJSON, curlURLQuery:
		return c.data(kind, value)
	case curlUser:
		if !strings.Contains(value, ":") {
			return unreadable("curl asks for the password of -u %s: write -u user:password", shortened(value))
		}
		c.set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(value)))
	case curlBearer:
		c.set("Authorization", "Bearer "+value)
	case curlAgent:
		c.set("User-Agent", value)
	case curlReferer:
		c.set("Referer", strings.TrimSuffix(value, ";auto"))
	case curlCookie:
		if strings.Contains(value, "=") {
			c.set("Cookie", value)
		}
	default:
	}
	return nil
}

// set sets a header that an option stands for. -H wins.
func (c *curlCommand) set(name, value string) {
	if c.r.Header.Get(name) == "" {
		c.r.Header.Set(name, value)
	}
}

func (c *curlCommand) header(text string) error {
	if file, ok := strings.CutPrefix(text, "@"); ok {
		data, err := c.file(file)
		if err != nil {
			return err
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			if line = strings.TrimRight(line, "\r"); line != "" {
				if err := c.header(line); err != nil {
					return err
				}
			}
		}
		return nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		// "Name;" is a header without a value.
		if name, ok = strings.CutSuffix(text, ";"); !ok {
			return unreadable("curl's -H %q is not a header, such as \"Content-Type: application/json\"", shortened(text))
		}
		if !isToken(name) {
			return unreadable("%q is not the name of a header", shortened(name))
		}
		c.r.Header[canonical(name)] = append(c.r.Header[canonical(name)], "")
		return nil
	}
	value = strings.Trim(value, " \t\r\n")
	if value == "" {
		c.dropped = append(c.dropped, canonical(strings.TrimSpace(name)))
		return nil
	}
	var p pseudo
	if !c.r.field(&p, strings.TrimSpace(name), value) {
		return unreadable("%q is not the name of a header", shortened(name))
	}
	return nil
}

// file reads a file that the command names.
func (c *curlCommand) file(name string) ([]byte, error) {
	return c.open(c.read, name)
}

func (c *curlCommand) open(read func(string) ([]byte, error), name string) ([]byte, error) {
	switch {
	case name == "-" && !c.piped:
		return nil, unreadable("the command reads its standard input: write @ and the name of a file")
	case read == nil:
		return nil, unreadable("the command reads the file %q: --allow-files lets it be read", shortened(name))
	}
	data, err := read(name)
	if err != nil {
		return nil, unreadable("reading the file that the command names: %v", err)
	}
	if len(data) > Limit {
		return nil, unreadable("the file %q is larger than %d MiB", shortened(name), Limit>>20)
	}
	return data, nil
}

func (c *curlCommand) data(kind curlOption, value string) error {
	var part []byte
	switch kind {
	case curlRaw:
		part = []byte(value)
	case curlEncode, curlURLQuery:
		text, err := c.encoded(kind, value)
		if err != nil {
			return err
		}
		if kind == curlURLQuery {
			c.query = append(c.query, text)
			return nil
		}
		part = []byte(text)
	default:
		part = []byte(value)
		if name, ok := strings.CutPrefix(value, "@"); ok {
			var err error
			if part, err = c.file(name); err != nil {
				return err
			}
			if kind == curlData {
				part = []byte(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(string(part)))
			}
		}
	}
	c.hasData = true
	if kind == curlJSON {
		c.json = true
		c.hasJSON = append(c.hasJSON, part...)
		return nil
	}
	c.parts = append(c.parts, part)
	return nil
}

// encoded is what --data-urlencode makes of its value.
func (c *curlCommand) encoded(kind curlOption, value string) (string, error) {
	if kind == curlURLQuery && strings.HasPrefix(value, "+") {
		return value[1:], nil
	}
	i := strings.IndexAny(value, "=@")
	if i < 0 {
		return curlEscape(value), nil
	}
	name, content := value[:i], value[i+1:]
	if value[i] == '@' {
		data, err := c.file(content)
		if err != nil {
			return "", err
		}
		content = string(data)
	}
	if name == "" {
		return curlEscape(content), nil
	}
	return name + "=" + curlEscape(content), nil
}

// curlEscape percent-encodes all but the unreserved characters of RFC 3986.
func curlEscape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

func (c *curlCommand) request() (*Request, error) {
	r := c.r
	switch {
	case len(c.urls) == 0:
		return nil, unreadable("the curl command has no URL")
	case len(c.urls) > 1:
		return nil, unreadable("the curl command has %d URLs: hand over one command for each", len(c.urls))
	case c.json && len(c.parts) > 0:
		return nil, unreadable("--json and --data do not go together")
	}
	body := slices.Concat(joined(c.parts), c.hasJSON)
	target := c.urls[0]
	if !strings.Contains(target, "://") {
		target = "http://" + target // as curl guesses
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, unreadable("%q is not a URL", shortened(c.urls[0]))
	}
	if u.User != nil {
		password, _ := u.User.Password()
		c.set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	query := c.query
	if c.get && c.hasData {
		query = append(query, string(body))
		body = nil
	}
	for _, part := range query {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += part
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if !c.get {
		r.Body = body
	}
	c.defaults()
	if err := r.setMethod(c.verb()); err != nil {
		return nil, err
	}
	text := u.String()
	if c.target != "" {
		r.note("--request-target is not looked at: the URL counts")
	}
	return r, r.address(text, pseudo{})
}

func joined(parts [][]byte) []byte {
	var body []byte
	for i, part := range parts {
		if i > 0 {
			body = append(body, '&')
		}
		body = append(body, part...)
	}
	return body
}

func (c *curlCommand) verb() string {
	switch {
	case c.method != "":
		return c.method
	case c.head:
		return http.MethodHead
	case c.hasData && !c.get:
		return http.MethodPost
	}
	return http.MethodGet
}

// defaults are the headers that curl sends unless the command says otherwise.
func (c *curlCommand) defaults() {
	if c.json {
		c.set("Content-Type", "application/json")
		c.set("Accept", "application/json")
	}
	if c.hasData && !c.get {
		c.set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.packable {
		c.set("Accept-Encoding", "deflate, gzip, br, zstd")
	}
	for _, name := range c.dropped {
		c.r.Header.Del(name)
	}
}
