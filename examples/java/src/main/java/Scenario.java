import com.llmprices.v1.CatalogServiceGrpc;
import com.llmprices.v1.PricingServiceGrpc;
import java.io.IOException;

/** The scenario that every client runs: ADDRESS NAME UNSTEADY_ADDRESS. Prints a line for each step. */
class Scenario {
  public static void main(String[] args) throws InterruptedException, IOException {
    var name = args[1];
    var channel = Channels.connect(args[0]);
    var catalog = CatalogServiceGrpc.newBlockingStub(channel);
    var prices = new Prices(PricingServiceGrpc.newBlockingStub(channel), name);
    var charges = new Charges(PricingServiceGrpc.newBlockingStub(channel), name);
    var allocations = new Allocations(PricingServiceGrpc.newStub(channel), name);

    prices.register(catalog);
    var created = prices.create();
    prices.read(created.getLlmPrice().getId());
    prices.list();
    var asOf = charges.calculate(created.getBookVersion());
    charges.batch();
    allocations.allocate();
    var updated = prices.update(created.getLlmPrice().getEtag());
    charges.calculateBeforeAndAfter(updated.getBookVersion(), asOf);
    prices.updateWithStaleEtag(created.getLlmPrice().getEtag());
    prices.createWithWrongFields();
    charges.calculateWithoutPrice();
    allocations.keepOpen();
    channel.shutdown();

    var unsteady = Channels.connect(args[2]);
    new Charges(PricingServiceGrpc.newBlockingStub(unsteady), name).retry();
    unsteady.shutdown();
  }

  /** Prints one answer: what was done, and what was seen. */
  static void printStep(String step, Object... seen) {
    var texts = java.util.Arrays.stream(seen).map(String::valueOf).toList();
    System.out.println(step + ": " + String.join(", ", texts));
  }
}
