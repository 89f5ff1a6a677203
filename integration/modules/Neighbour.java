// A node in Java by jinterface, as a neighbour of NODE, which has the module `worker` and a process `mirror` of the module mirror. Prints
// what it sees: a BEAM node and a C++ node as its neighbour let it see the same.
import com.ericsson.otp.erlang.*;

public class Neighbour {
  static String node;

  static void show(String what, Object value) { System.out.println(what + ": " + String.valueOf(value).replace(node, "NODE").replaceAll("#Pid<[^>]*>", "pid")); }
  static OtpErlangObject[] list(OtpErlangObject... elements) { return elements; }
  static OtpErlangTuple tuple(OtpErlangObject... elements) { return new OtpErlangTuple(elements); }
  static OtpErlangAtom atom(String name) { return new OtpErlangAtom(name); }

  // A worker that tells the mailbox what happens to it.
  static OtpErlangPid worker(OtpMbox mbox, OtpMbox rpc, String name, OtpErlangObject... options) throws Exception {
    OtpErlangObject argument = tuple(mbox.self(), atom(name), new OtpErlangList(options));
    rpc.send("rex", node, tuple(rpc.self(), tuple(atom("call"), atom("gen_server"), atom("start"),
                                                  new OtpErlangList(list(atom("worker"), argument, new OtpErlangList())), atom("user"))));
    OtpErlangTuple answer = (OtpErlangTuple) rpc.receive(10000);
    show("worker", mbox.receive(10000));
    return (OtpErlangPid) ((OtpErlangTuple) answer.elementAt(1)).elementAt(1);
  }

  static OtpErlangObject call(OtpNode self, OtpMbox mbox, OtpErlangPid server, OtpErlangObject request) throws Exception {
    OtpErlangRef tag = self.createRef();
    mbox.send(server, tuple(atom("$gen_call"), tuple(mbox.self(), tag), request));
    OtpErlangTuple reply = (OtpErlangTuple) mbox.receive(10000);
    if (!reply.elementAt(0).equals(tag)) throw new Exception("not the reply: " + reply);
    return reply.elementAt(1);
  }

  static void cast(OtpMbox mbox, OtpErlangPid server, OtpErlangObject request) { mbox.send(server, tuple(atom("$gen_cast"), request)); }

  static void end(String what, OtpMbox mbox) throws Exception {
    try {
      show(what, mbox.receive(10000));
    } catch (OtpErlangExit e) {
      show(what, "exit " + e.reason() + " of " + e.pid());
    }
  }

  public static void main(String[] arguments) throws Exception {
    String name = arguments[0], cookie = arguments[1];
    node = arguments[2];
    OtpNode self = new OtpNode(name, cookie);
    show("ping", self.ping(node, 5000));
    show("ping of nobody", self.ping("nobody@localhost", 1000));
    OtpMbox mbox = self.createMbox("box"), rpc = self.createMbox();

    OtpErlangObject[] terms = {
        atom("ok"), new OtpErlangLong(-1), new OtpErlangLong(1L << 62), new OtpErlangLong(java.math.BigInteger.ONE.shiftLeft(200)), new OtpErlangDouble(2.5),
        new OtpErlangString("text"), new OtpErlangString("\u017elu\u0165ou\u010dk\u00fd"), new OtpErlangBinary(new byte[] {1, 2, 3}), new OtpErlangBitstr(new byte[] {1, (byte) 0x80}, 7),
        new OtpErlangList(), new OtpErlangList(list(atom("a")), atom("b")), tuple(), mbox.self(), self.createRef(),
        new OtpErlangMap(list(atom("k")), list(new OtpErlangString("v"))), new OtpErlangBoolean(true)};
    for (OtpErlangObject t : terms) {
      mbox.send("mirror", node, tuple(atom("mirror"), mbox.self(), t));
      OtpErlangObject back = mbox.receive(10000);
      show("mirrored " + t.getClass().getSimpleName(), t.equals(back));
    }
    mbox.send("mirror", node, tuple(atom("mirror"), mbox.self(), new OtpErlangBinary(new byte[1 << 20])));
    show("large", ((OtpErlangBinary) mbox.receive(10000)).size());

    OtpErlangPid w = worker(mbox, rpc, "linked_here");
    mbox.link(w);
    show("answer", call(self, mbox, w, atom("ping")));
    cast(mbox, w, tuple(atom("own_exit"), tuple(atom("because"), new OtpErlangLong(1))));
    end("its last words", mbox);
    end("linked there dies", mbox);

    w = worker(mbox, rpc, "linked_there");
    show("link", call(self, mbox, w, tuple(atom("link"), mbox.self())));
    cast(mbox, w, tuple(atom("own_exit"), atom("normal")));
    end("its last words", mbox);
    end("linked from there dies", mbox);

    w = worker(mbox, rpc, "trapping", atom("trap"));
    OtpMbox other = self.createMbox();
    other.link(w);
    other.exit("from java");
    show("linked here dies", mbox.receive(10000));
    mbox.exit(w, atom("signal"));
    show("exit signal", mbox.receive(10000));
    OtpMbox third = self.createMbox();
    third.link(w);
    third.unlink(w);
    third.exit("unheard");
    show("unlinked", call(self, mbox, w, atom("ping")));

    try {
      OtpMbox fourth = self.createMbox();
      mbox.send("rex", node, tuple(mbox.self(), tuple(atom("call"), atom("erlang"), atom("spawn"), new OtpErlangList(list(atom("erlang"), atom("node"), new OtpErlangList())), atom("user"))));
      OtpErlangPid dead = (OtpErlangPid) ((OtpErlangTuple) mbox.receive(10000)).elementAt(1);
      Thread.sleep(200);
      fourth.link(dead);
      end("link to the dead", fourth);
    } catch (OtpErlangExit e) {
      show("link to the dead", "exit " + e.reason());
    }

    // Its names, asked and written to from there.
    rpc.send("rex", node, tuple(rpc.self(), tuple(atom("call"), atom("erlang"), atom("send"), new OtpErlangList(list(tuple(atom("box"), atom(name)), atom("to_a_name"))), atom("user"))));
    show("to a name", mbox.receive(10000));
    rpc.receive(10000);
    rpc.send("rex", node, tuple(rpc.self(), tuple(atom("call"), atom("net_adm"), atom("ping"), new OtpErlangList(list(atom(name))), atom("user"))));
    show("pinged", rpc.receive(20000));

    // The older way, one connection by hand.
    OtpSelf by_hand = new OtpSelf("x" + name, cookie);
    OtpConnection connection = by_hand.connect(new OtpPeer(node));
    connection.sendRPC("erlang", "node", new OtpErlangList());
    show("rpc", connection.receiveRPC());
    connection.sendRPC("lists", "reverse", list(new OtpErlangList(list(atom("a"), atom("b")))));
    show("rpc", connection.receiveRPC());
    connection.sendRPC("no_module", "f", new OtpErlangList());
    show("rpc undef", connection.receiveRPC());
    connection.close();
    self.close();
    System.out.println("all");
  }
}
