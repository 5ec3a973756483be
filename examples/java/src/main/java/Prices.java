import com.google.protobuf.Timestamp;
import com.llmprices.v1.CatalogServiceGrpc.CatalogServiceBlockingStub;
import com.llmprices.v1.CreateChargeTypeRequest;
import com.llmprices.v1.CreateLLMPriceRequest;
import com.llmprices.v1.CreateLLMPriceResponse;
import com.llmprices.v1.CreateModelRequest;
import com.llmprices.v1.CreateProviderRequest;
import com.llmprices.v1.GetLLMPriceRequest;
import com.llmprices.v1.LLMPrice;
import com.llmprices.v1.LLMPriceKey;
import com.llmprices.v1.ListLLMPricesRequest;
import com.llmprices.v1.PricingServiceGrpc.PricingServiceBlockingStub;
import com.llmprices.v1.UpdateLLMPriceRequest;
import com.llmprices.v1.UpdateLLMPriceResponse;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.UUID;
import java.util.stream.Collectors;

/** Writes and reads prices. */
record Prices(PricingServiceBlockingStub pricing, String name) {
  private static final String[] PRICES = {"1.25", "1.5", "2", "0", "0.0000000001"};

  /** Registers a charge type, a provider and five models. */
  void register(CatalogServiceBlockingStub catalog) {
    var chargeType = CreateChargeTypeRequest.newBuilder().setName(name).setRequestId(newId());
    var provider = CreateProviderRequest.newBuilder().setName(name).setRequestId(newId());
    var seen = new ArrayList<String>();
    seen.add(catalog.createChargeType(chargeType.build()).getChargeType().getName());
    seen.add(catalog.createProvider(provider.build()).getProvider().getName());
    for (int i = 1; i <= PRICES.length; i++) {
      var model = CreateModelRequest.newBuilder().setProvider(name).setName("model-" + i);
      seen.add(catalog.createModel(model.setRequestId(newId()).build()).getModel().getName());
    }
    Scenario.printStep("register", seen.toArray());
  }

  /** Prices every model, and repeats the last write, which is answered as it was before. */
  CreateLLMPriceResponse create() {
    var request = CreateLLMPriceRequest.newBuilder().setChargeType(name).setProvider(name);
    var answers = new ArrayList<CreateLLMPriceResponse>();
    for (int i = 0; i < PRICES.length; i++) {
      request.setModel("model-" + (i + 1)).setPrice(PRICES[i]).setRequestId(newId());
      answers.add(pricing.createLLMPrice(request.build()));
    }
    Scenario.printStep("create", answers.stream().map(each -> each.getLlmPrice().getPrice()).toArray());

    var repeated = pricing.createLLMPrice(request.build()).getLlmPrice().getId();
    var last = answers.get(answers.size() - 1).getLlmPrice().getId();
    Scenario.printStep("repeat", repeated.equals(last) ? "the same id" : "another id");
    return answers.get(0);
  }

  void read(String id) {
    var request = GetLLMPriceRequest.newBuilder().setId(id).build();
    var price = pricing.getLLMPrice(request).getLlmPrice();
    Scenario.printStep(
        "read",
        price.getChargeType(),
        price.getProvider(),
        price.getModel(),
        price.getPrice(),
        toText(price.getEffectiveFrom()),
        price.hasEffectiveUntil() ? toText(price.getEffectiveUntil()) : "open");
  }

  /** Two prices a page. */
  void list() {
    var request = ListLLMPricesRequest.newBuilder().setProvider(name).setPageSize(2);
    var pages = new ArrayList<String>();
    do {
      var page = pricing.listLLMPrices(request.build());
      var models = page.getLlmPricesList().stream().map(LLMPrice::getModel);
      pages.add(models.collect(Collectors.joining(" ")));
      request.setPageToken(page.getNextPageToken());
    } while (!request.getPageToken().isEmpty());
    Scenario.printStep("list", pages.toArray());
  }

  UpdateLLMPriceResponse update(String etag) {
    var updated = pricing.updateLLMPrice(updateRequest(etag));
    Scenario.printStep("update", updated.getLlmPrice().getPrice());
    return updated;
  }

  void updateWithStaleEtag(String etag) {
    var error = CallError.of(() -> pricing.updateLLMPrice(updateRequest(etag)));
    Scenario.printStep("stale etag", error.code(), error.info().getReason());
  }

  void createWithWrongFields() {
    var request = CreateLLMPriceRequest.newBuilder().setChargeType("Not a type").setPrice("-1");
    request.setProvider(name).setModel("model-1");
    var error = CallError.of(() -> pricing.createLLMPrice(request.build()));
    var violations = String.join(", ", error.violations());
    Scenario.printStep("wrong fields", error.code(), error.info().getReason(), violations);
  }

  private UpdateLLMPriceRequest updateRequest(String etag) {
    var key = LLMPriceKey.newBuilder().setChargeType(name).setProvider(name).setModel("model-1");
    return UpdateLLMPriceRequest.newBuilder()
        .setKey(key)
        .setPrice("1.75")
        .setEtag(etag)
        .setReason("a new contract")
        .setRequestId(newId())
        .build();
  }

  private static String newId() {
    return UUID.randomUUID().toString();
  }

  /** An instant in whole milliseconds as RFC 3339 has it. */
  private static String toText(Timestamp timestamp) {
    var instant = Instant.ofEpochSecond(timestamp.getSeconds(), timestamp.getNanos());
    return DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSX")
        .format(instant.atOffset(ZoneOffset.UTC));
  }
}
