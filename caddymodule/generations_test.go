package caddymodule

import (
	"testing"
	"time"
)

// TestGenerations: the youngest configuration begins when no other looks at streams
// any more, and the one before it goes on when that has ended.
func TestGenerations(t *testing.T) {
	t.Parallel()
	var g generationList
	old, young := &App{session: &session{}}, &App{session: &session{}}
	g.begin(old)
	if !g.youngest(old) {
		t.Error("the only one is not the youngest")
	}
	old.session.looking.Lock()
	begun := make(chan struct{})
	go func() {
		g.begin(young)
		close(begun)
	}()
	for g.youngest(old) {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-begun:
		t.Error("it begins while the other looks")
	case <-time.After(50 * time.Millisecond):
	}
	old.session.looking.Unlock()
	<-begun
	if !g.youngest(young) || g.youngest(old) {
		t.Error("want the second one as the youngest")
	}
	g.end(young)
	if !g.youngest(old) {
		t.Error("want the first one as the youngest again")
	}
}
