package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// terminal returns the file descriptor of w if w is a terminal that a person looks
// at and that knows escape sequences.
func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(interface{ Fd() uintptr })
	if !isFile || os.Getenv("TERM") == "dumb" {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// terminalWidth returns how many characters fit in a line of w; 0 if w is no
// terminal, or does not say.
func terminalWidth(w io.Writer) int {
	fd, ok := terminal(w)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return width
}

// A Style colours text for a terminal. The zero value leaves text as it is. Text
// from outside must have gone through visible before. In columns fill up with spaces
// first: the escape sequences have no width, but a length.
type Style struct{ on bool }

// StyleOf returns how to colour what is written to w: not at all, unless w is a
// terminal, TERM is not "dumb" and NO_COLOR is not set.
func StyleOf(w io.Writer) Style {
	if os.Getenv("NO_COLOR") != "" {
		return Style{}
	}
	_, ok := terminal(w)
	return Style{ok}
}

// Good is for what is as it should be.
func (s Style) Good(text string) string { return s.paint("32", text) }

// Bad is for what has failed, or is refused.
func (s Style) Bad(text string) string { return s.paint("31", text) }

// Warn is for what may not be meant.
func (s Style) Warn(text string) string { return s.paint("33", text) }

// Strong is for names and headings.
func (s Style) Strong(text string) string { return s.paint("1", text) }

// Faint is for what matters less than the rest of the line.
func (s Style) Faint(text string) string { return s.paint("2", text) }

func (s Style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

const (
	// progressAfter is how long a command may take before a bar appears, and
	// progressEvery how often it is drawn.
	progressAfter = 500 * time.Millisecond
	progressEvery = 100 * time.Millisecond
	progressBar   = 24
)

// A Progress tells a person who waits how far a command is, at what rate, and how
// long the rest takes: in one line of a terminal, which [Progress.Done] takes away.
// It says nothing where there is no terminal, and nothing about what is over at once.
// The methods may be called from several goroutines. A nil Progress says nothing.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	what  string
	start time.Time
	drawn time.Time
	shown bool
	line  string
	width func() int
	now   func() time.Time
}

// NewProgress returns what says on w, which is standard error, how far something is
// that is named by a word such as "reading". W may be nil.
func NewProgress(w io.Writer, what string) *Progress {
	if _, ok := terminal(w); !ok {
		return nil
	}
	return newProgress(w, what, func() int { return terminalWidth(w) }, time.Now)
}

func newProgress(w io.Writer, what string, width func() int, now func() time.Time) *Progress {
	return &Progress{w: w, what: what, width: width, now: now, start: now()}
}

// At says that so many are done, and that the work is at a position of all of it,
// which may be counted otherwise, as sequences of a stream are. All is 0 if it is not
// known how much there is.
func (p *Progress) At(done int, position, all uint64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Sub(p.start) < progressAfter || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn = now
	p.line = p.text(done, position, all, now.Sub(p.start))
	p.draw()
}

// text is the line: what, a bar, how many, the rate, and how long the rest takes.
func (p *Progress) text(done int, position, all uint64, took time.Duration) string {
	rate := float64(done) / took.Seconds()
	count := fmt.Sprintf("%d  %s/s", done, figure(rate))
	if all == 0 {
		return p.what + "  " + count
	}
	share := min(1, float64(position)/float64(all))
	full := int(share * progressBar)
	bar := strings.Repeat("=", full)
	if full < progressBar {
		bar += ">" + strings.Repeat(" ", progressBar-full-1)
	}
	rest := ""
	if share > 0 {
		left := time.Duration(float64(took) * (1 - share) / share)
		rest = "  " + left.Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("%s  [%s] %3.0f%%  %s%s", p.what, bar, share*100, count, rest)
}

// figure writes a rate with the digits that matter.
func figure(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// draw writes the line where the last one was. One that is too long would leave
// pieces behind.
func (p *Progress) draw() {
	line := p.line
	if width := p.width(); width > 1 && len(line) > width-1 {
		line = line[:width-1]
	}
	_, _ = io.WriteString(p.w, "\r"+line+"\x1b[K")
	p.shown = true
}

func (p *Progress) clear() {
	if p.shown {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// Done takes the line away.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// Over returns a writer to w, which may be the same terminal, that takes the line
// away for each text of whole lines that is written.
func (p *Progress) Over(w io.Writer) io.Writer {
	if p == nil {
		return w
	}
	return progressWriter{p, w}
}

type progressWriter struct {
	p *Progress
	w io.Writer
}

func (w progressWriter) Write(text []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	again := w.p.shown
	w.p.clear()
	n, err := w.w.Write(text)
	if again {
		w.p.draw()
	}
	return n, err
}
