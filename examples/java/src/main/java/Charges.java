import com.google.protobuf.Timestamp;
import com.llmprices.v1.AccountUsage;
import com.llmprices.v1.BatchCalculateChargesRequest;
import com.llmprices.v1.CalculateChargeRequest;
import com.llmprices.v1.CalculateChargeResponse;
import com.llmprices.v1.CalculationResult;
import com.llmprices.v1.PricingServiceGrpc.PricingServiceBlockingStub;

/** Calculates charges, single ones and batches. */
record Charges(PricingServiceBlockingStub pricing, String name) {

  /** A charge that is exact, and one that has to be rounded. Answers when the first was priced. */
  Timestamp calculate(long bookVersion) {
    var request = charge("model-1").setMinBookVersion(bookVersion);
    var exact = pricing.calculateCharge(request.build());
    Scenario.printStep("calculate", exact.getAccountCharge(), exact.getMarkup(), exactOrNot(exact));

    var usage = AccountUsage.newBuilder().setUsage("1").setTotalUsage("3");
    var third = pricing.calculateCharge(request.setAccountUsage(usage).build());
    var rounding = third.getRounding().getScale() + " " + third.getRounding().getMode();
    Scenario.printStep("calculate a third", third.getAccountCharge(), exactOrNot(third), rounding);
    return exact.getAsOf();
  }

  /** Three charges, the second for a model that has no price. */
  void batch() {
    var request =
        BatchCalculateChargesRequest.newBuilder()
            .addRequests(charge("model-1"))
            .addRequests(charge("model-6"))
            .addRequests(charge("model-2"));
    var results = pricing.batchCalculateCharges(request.build()).getResultsList();
    Scenario.printStep("batch", results.stream().map(Charges::toText).toArray());
  }

  /** At the version of the book that a write has made, and at an earlier instant. */
  void calculateBeforeAndAfter(long bookVersion, Timestamp earlier) {
    var now = charge("model-1").setMinBookVersion(bookVersion);
    var before = charge("model-1").setAsOf(earlier);
    Scenario.printStep("calculate at the new price", accountCharge(now));
    Scenario.printStep("calculate at the earlier time", accountCharge(before));
  }

  void calculateWithoutPrice() {
    var error = CallError.of(() -> pricing.calculateCharge(charge("model-6").build()));
    var nearest = error.info().getMetadataOrThrow("nearest_1");
    Scenario.printStep("missing price", error.code(), error.info().getReason(), nearest);
  }

  /** Calls a server that is not available at first. */
  void retry() {
    Scenario.printStep("retry", accountCharge(charge("model-1")));
  }

  private String accountCharge(CalculateChargeRequest.Builder request) {
    return pricing.calculateCharge(request.build()).getAccountCharge();
  }

  /** What an account pays that caused all of a cost of 10. */
  private CalculateChargeRequest.Builder charge(String model) {
    return CalculateChargeRequest.newBuilder()
        .setChargeType(name)
        .setProvider(name)
        .setModel(model)
        .setProviderCost("10")
        .setAccountUsageRatio("1");
  }

  private static String toText(CalculationResult result) {
    if (result.hasCharge()) return result.getCharge().getAccountCharge();
    var error = new CallError(result.getError());
    return error.code() + " " + error.info().getReason();
  }

  private static String exactOrNot(CalculateChargeResponse answer) {
    return answer.getExact() ? "exact" : "rounded";
  }
}
