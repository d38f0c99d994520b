"""Promises of the words of mail clients: in each language, what they write around an answer is known for what it is."""

# ruff: noqa: RUF001, E501 (many alphabets, and lines as clients write them)

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from course.reading import announcements, extract, read, words
from course.reading.endings import is_footer
from course.reading.lines import Hint, Kind, Line

ROOT = Path(__file__).parents[1]
OWN = "It helped a little."
QUOTED = "You might catch one thing you said to yourself."
WHO = "Dear Self <hello@course.example.org>"

# As Gmail, Apple Mail, Thunderbird, Yahoo and others write it in each language, above a quote with marks.
ATTRIBUTIONS = {
    "en-gmail": f"On Mon, 16 Nov 2026 at 07:00, {WHO} wrote:",
    "en-gmail-us": f"On Mon, Nov 16, 2026 at 7:00 AM {WHO} wrote:",
    "en-apple": f"On Nov 16, 2026, at 7:00 AM, {WHO} wrote:",
    "en-yahoo": "On Monday, November 16, 2026 at 07:00:00 AM GMT, Dear Self <hello@course.example.org> wrote:",
    "en-thunderbird": "On 11/16/26 7:00 AM, Dear Self wrote:",
    "en-proton": f"On Monday, November 16th, 2026 at 7:00 AM, {WHO} wrote:",
    "en-tuta": "16 Nov 2026, 07:00 by hello@course.example.org:",
    "en-fastmail": "On Mon, Nov 16, 2026, at 7:00 AM, Dear Self wrote:",
    "en-zoho": f"---- On Mon, 16 Nov 2026 07:00:00 +0000 {WHO} wrote ---",
    "de-gmail": f"Am Mo., 16. Nov. 2026 um 07:00 Uhr schrieb {WHO}:",
    "de-apple": f"Am 16.11.2026 um 07:00 schrieb {WHO}:",
    "de-thunderbird": "Am 16.11.26 um 07:00 schrieb Dear Self:",
    "de-samsung": "Dear Self schrieb am 16.11.2026 07:00:",
    "de-web.de": "Gesendet: Montag, 16. November 2026 um 07:00 Uhr\nVon: Dear Self <hello@course.example.org>\nAn: alice@example.org",
    "fr-gmail": f"Le lun. 16 nov. 2026 à 07:00, {WHO} a écrit :",
    "fr-apple": f"Le 16 nov. 2026 à 07:00, {WHO} a écrit :",
    "fr-thunderbird": "Le 16/11/2026 à 07:00, Dear Self a écrit :",
    "es-gmail": "El lun, 16 nov 2026 a las 7:00, Dear Self (<hello@course.example.org>) escribió:",
    "es-apple": f"El 16 nov 2026, a las 7:00, {WHO} escribió:",
    "es-thunderbird": "El 16/11/26 a las 7:00, Dear Self escribió:",
    "pt-gmail": f"Em seg., 16 de nov. de 2026 às 07:00, {WHO} escreveu:",
    "pt-apple": f"No dia 16/11/2026, às 07:00, {WHO} escreveu:",
    "it-gmail": f"Il giorno lun 16 nov 2026 alle ore 07:00 {WHO} ha scritto:",
    "it-apple": f"Il giorno 16 nov 2026, alle ore 07:00, {WHO} ha scritto:",
    "nl-gmail": f"Op ma 16 nov 2026 om 07:00 schreef {WHO}:",
    "nl-apple": f"Op 16 nov. 2026 om 07:00 heeft {WHO} het volgende geschreven:",
    "sv-gmail": f"Den mån 16 nov. 2026 kl 07:00 skrev {WHO}:",
    "sv-apple": f"16 nov. 2026 kl. 07:00 skrev {WHO}:",
    "da-gmail": f"Den man. 16. nov. 2026 kl. 07.00 skrev {WHO}:",
    "no-gmail": f"man. 16. nov. 2026 kl. 07:00 skrev {WHO}:",
    "fi-gmail": f"ma 16. marrask. 2026 klo 7.00 {WHO} kirjoitti:",
    "fi-apple": f"{WHO} kirjoitti 16.11.2026 kello 7.00:",
    "pl-gmail": f"pon., 16 lis 2026 o 07:00 {WHO} napisał(a):",
    "pl-apple": f"Wiadomość napisana przez {WHO} w dniu 16 lis 2026, o godz. 07:00:",
    "pl-thunderbird": "W dniu 16.11.2026 o 07:00, Dear Self pisze:",
    "cs-gmail": f"po 16. 11. 2026 v 7:00 odesílatel {WHO} napsal:",
    "cs-thunderbird": "Dne 16. 11. 26 v 7:00 Dear Self napsal(a):",
    "sk-gmail": f"po 16. 11. 2026 o 7:00 {WHO} napísal(a):",
    "hu-gmail": f"{WHO} ezt írta (időpont: 2026. nov. 16., H, 7:00):",
    "hu-thunderbird": "2026. 11. 16. 7:00 keltezéssel, Dear Self írta:",
    "ro-gmail": f"Pe lun., 16 nov. 2026 la 07:00, {WHO} a scris:",
    "bg-gmail": f"На пн, 16.11.2026 г. в 7:00 {WHO} написа:",
    "ru-gmail": f"пн, 16 нояб. 2026 г. в 07:00, {WHO}:",
    "ru-apple": f"16 нояб. 2026 г., в 07:00, {WHO} написал(а):",
    "ru-thunderbird": "16.11.2026 07:00, Dear Self пишет:",
    "ru-mail.ru": "Понедельник, 16 ноября 2026, 7:00 +03:00 от Dear Self <hello@course.example.org>:",
    "ru-yandex": '16.11.2026, 07:00, "Dear Self" <hello@course.example.org>:',
    "uk-gmail": f"пн, 16 лист. 2026 р. о 07:00 {WHO} пише:",
    "el-gmail": f"Στις Δευ 16 Νοε 2026 στις 7:00 π.μ., ο χρήστης {WHO} έγραψε:",
    "tr-gmail": f"{WHO}, 16 Kas 2026 Pzt, 07:00 tarihinde şunu yazdı:",
    "he-gmail": "\u200fבתאריך יום ב׳, 16 בנוב׳ 2026 ב-7:00 מאת Dear Self <\u200fhello@course.example.org\u200f>:\u200f",
    "ar-gmail": "في الاثنين، 16 نوفمبر 2026 في 7:00 ص تمت كتابة ما يلي بواسطة Dear Self <hello@course.example.org>:",
    "fa-gmail": f"در تاریخ دوشنبه ۱۶ نوامبر ۲۰۲۶ ساعت 7:00 {WHO} نوشت:",
    "ja-gmail": f"2026年11月16日(月) 7:00 {WHO}:",
    "ja-apple": "2026/11/16 7:00、Dear Self <hello@course.example.org>のメール:",
    "ko-gmail": f"2026년 11월 16일 (월) 오전 7:00, {WHO}님이 작성:",
    "ko-thunderbird": "26. 11. 16. 07:00에 Dear Self 이(가) 쓴 글:",
    "zh-tw-thunderbird": "Dear Self 於 2026/11/16 上午 07:00 寫道:",
    "ru-the bat": "Вы писали 16 ноября 2026 г., 7:00:00:",
    "en-superhuman": "On Mon, Nov 16, 2026 at 7:00 AM, Dear Self < hello@course.example.org > wrote:",
    "en-canary": "On Monday, Nov 16, 2026 at 7:00 AM, Dear Self <hello@course.example.org (mailto:hello@course.example.org)> wrote:",
    "ko-apple": f"2026. 11. 16. 오전 7:00, {WHO} 작성:",
    "zh-gmail": "Dear Self <hello@course.example.org> 于2026年11月16日周一 07:00写道：",
    "zh-tw-gmail": "Dear Self <hello@course.example.org> 於 2026年11月16日 週一 上午7:00寫道：",
    "zh-apple": f"在 2026年11月16日，07:00，{WHO} 写道：",
    "vi-gmail": f"Vào Th 2, 16 thg 11, 2026 vào lúc 07:00 {WHO} đã viết:",
    "th-gmail": f"ในวันที่ จ. 16 พ.ย. 2026 เวลา 07:00 {WHO} เขียนว่า:",
    "id-gmail": f"Pada Sen, 16 Nov 2026 pukul 07.00 {WHO} menulis:",
    "hr-gmail": f"pon, 16. stu 2026. u 07:00 {WHO} napisao je:",
    "sl-gmail": f"V V pon., 16. nov. 2026 ob 07:00 je oseba {WHO} napisala:",
    "ca-gmail": f"Missatge de {WHO} del dia dl., 16 de nov. 2026 a les 7:00:",
    "et-gmail": f"Kuupäev E, 16. november 2026 kell 07:00 kirjutas {WHO}:",
    "lv-gmail": f"pirmd., 2026. g. 16. nov., plkst. 07:00 — lietotājs {WHO} rakstīja:",
    "lt-gmail": f"2026-11-16, pr, 07:00, {WHO} rašė:",
    "hi-gmail": f"सोम, 16 नव॰ 2026 को 7:00 am बजे को {WHO} ने लिखा:",
    "eu-thunderbird": f"{WHO} igorleak hau idatzi du (2026 aza. 16, al. (07:00)):",  # Basque: not in our words
}  # fmt: skip

# The labels of Outlook's header block, in the order in which it writes them.
BLOCKS = {
    "en": ("From", "Sent", "To", "Subject"), "de": ("Von", "Gesendet", "An", "Betreff"),
    "fr": ("De", "Envoyé", "À", "Objet"), "es": ("De", "Enviado el", "Para", "Asunto"),
    "pt": ("De", "Enviado", "Para", "Assunto"), "pt-br": ("De", "Enviada em", "Para", "Assunto"),
    "it": ("Da", "Inviato", "A", "Oggetto"), "nl": ("Van", "Verzonden", "Aan", "Onderwerp"),
    "sv": ("Från", "Skickat", "Till", "Ämne"), "da": ("Fra", "Sendt", "Til", "Emne"), "no": ("Fra", "Sendt", "Til", "Emne"),
    "fi": ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"), "pl": ("Od", "Wysłano", "Do", "Temat"),
    "cs": ("Od", "Odesláno", "Komu", "Předmět"), "sk": ("Od", "Odoslané", "Komu", "Predmet"),
    "hu": ("Feladó", "Elküldve", "Címzett", "Tárgy"), "ro": ("De la", "Trimis", "Către", "Subiect"),
    "bg": ("От", "Изпратено", "До", "Относно"), "ru": ("От", "Отправлено", "Кому", "Тема"),
    "uk": ("Від", "Надіслано", "Кому", "Тема"), "el": ("Από", "Στάλθηκε", "Προς", "Θέμα"),
    "tr": ("Kimden", "Gönderildi", "Kime", "Konu"), "he": ("מאת", "נשלח", "אל", "נושא"),
    "ar": ("من", "تم الإرسال", "إلى", "الموضوع"), "ja": ("差出人", "送信日時", "宛先", "件名"),
    "ko": ("보낸 사람", "보낸 날짜", "받는 사람", "제목"), "zh-cn": ("发件人", "发送时间", "收件人", "主题"),
    "zh-tw": ("寄件者", "寄件日期", "收件者", "主旨"), "vi": ("Từ", "Đã gửi", "Đến", "Chủ đề"),
    "th": ("จาก", "ส่งเมื่อ", "ถึง", "หัวเรื่อง"), "id": ("Dari", "Dikirim", "Kepada", "Perihal"),
    "hr": ("Šalje", "Poslano", "Prima", "Predmet"), "sl": ("Od", "Poslano", "Za", "Zadeva"),
    "ca": ("De", "Enviat", "Per a", "Assumpte"), "et": ("Saatja", "Saadetud", "Adressaat", "Teema"),
    "lv": ("No", "Nosūtīts", "Kam", "Temats"), "lt": ("Nuo", "Išsiųsta", "Kam", "Tema"),
}  # fmt: skip

FOOTERS = [
    "Virus-free.www.avast.com",
    "Virenfrei. www.avast.com",
    "Libre de virus.www.avast.com",
    "Please consider the environment before printing this email.",
    "Sent from my iPhone", "Sent from my iPad.", "Sent from Yahoo Mail for iPhone", "Sent from Mail for Windows",
    "Get Outlook for Android<https://aka.ms/AAb9ysg>", "Sent from Outlook for iOS", "Sent with Proton Mail secure email.",
    "Sent from my Galaxy", "Sent from my Samsung Galaxy smartphone.", "Sent from my mobile phone", "Sent via BlackBerry",
    "Sent using Zoho Mail", "Sent from Gmail Mobile", "Sent from my Pixel 8 Pro, please excuse any typos",
    "Von meinem iPhone gesendet", "Gesendet mit der Outlook-App für Android", "Gesendet von Outlook für iOS",
    "Von meinem/meiner Galaxy gesendet", "Gesendet von Mail für Windows", "Gesendet mit der GMX iPhone App",
    "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.", "Envoyé de mon iPhone",
    "Envoyé depuis mon appareil Galaxy", "Envoyé à partir de Outlook pour Android", "Envoyé avec Proton Mail.",
    "Enviado desde mi iPhone", "Enviado desde Outlook para Android", "Enviado desde mi dispositivo Samsung",
    "Enviado do meu iPhone", "Enviado a partir do meu smartphone Samsung Galaxy.", "Inviato da iPhone",
    "Inviato dal mio telefono Android", "Inviato da Outlook per iOS", "Verstuurd vanaf mijn iPhone",
    "Verzonden vanaf mijn Galaxy", "Verzonden met Proton Mail.", "Skickat från min iPhone", "Skickat från Outlook för iOS",
    "Sendt fra min iPhone", "Sendt fra Outlook for Android", "Lähetetty iPhonesta", "Lähetetty laitteesta Outlook for Android",
    "Wysłane z iPhone'a", "Wysłane z mojego telefonu Galaxy", "Odesláno z iPhonu", "Odoslané z iPhonu", "Az iPhone-omról küldve",
    "Trimis de pe iPhone-ul meu", "Изпратено от моя iPhone", "Отправлено с iPhone", "Отправлено из мобильной Почты Mail.ru",
    "Надіслано з iPhone", "Στάλθηκε από το iPhone μου", "iPhone'umdan gönderildi", "Android için Outlook uygulamasından gönderildi",
    "נשלח מה-iPhone שלי", "أُرسلت من الـ iPhone", "ارسال شده از iPhone من", "iPhoneから送信", "Outlook for Androidから送信",
    "나의 iPhone에서 보냄", "발신: 나의 iPhone에서 보냄"[4:], "发自我的iPhone", "從我的 iPhone 傳送", "发自我的小米手机", "Đã gửi từ iPhone của tôi",
    "ส่งจาก iPhone ของฉัน", "Dikirim dari iPhone saya", "Poslano s mog iPhonea", "Poslano iz mojega iPhona",
    "Verzonden van mijn Android-apparaat met K-9 Mail. Excuseer mijn beknoptheid.", "Ontvang Outlook voor Android",
    "Yahoo Mail: Search, Organize, Conquer", "Skaffa Outlook för Android", "Få Outlook til Android", "Sent from Mailbird",
    "Uzyskaj dostęp do programu Outlook dla systemu Android", "Загрузите Outlook для iOS", "Inviato da Libero Mail",
    "Gesendet mit der mobilen Mail App", "Gesendet mit der Telekom Mail App", "Отправлено из мобильной Яндекс Почты",
    "Отправлено из мобильного приложения Яндекс Почты", "来自我的iPhone", "发自QQ邮箱手机版", "Secured with Tuta Mail:",
    "Get BlueMail for Android", "Get the Outlook app for iOS", "Sent from my SM-G900", "Sent from my ZTE", "Enviat des del meu iPhone", "Saadetud minu iPhone'ist", "Nosūtīts no mana iPhone", "Išsiųsta iš mano iPhone", "मेरे iPhone से भेजा गया",
]  # fmt: skip

# Words of other clients, and what stands behind a first sentence.
FOOTERS += [
    "Pobierz program Outlook dla systemu Android", "Pobierz aplikację Outlook dla systemu iOS", "Android için Outlook'u edinin",
    "Baixar o Outlook para iOS", "Az Outlook beszerzése: Android", "תוריד את Outlook עבור Android", "احصل على Outlook لنظام Android",
    "Android용 Outlook 다운로드", "取得 Android 版 Outlook", "Téléchargez Outlook pour Android",
    "Securely sent with Tuta. Claim your encrypted mailbox today!", "Sent from my Verizon, Samsung Galaxy smartphone",
    "Sent from my Android device with K-9 Mail. Please excuse my brevity.", "Sent from my phone, please excuse any typos",
    "Envoyé de mon appareil Android avec Courriel K-9 Mail. Veuillez excuser ma brièveté.",
]  # fmt: skip
# What one app or another says of itself, in languages of its own.
FOOTERS += [
    "Vom iPad gesendet", "Von unterwegs gesendet", "Envoyé à partir d’Outlook pour Mac", "Samsung Galaxy 스마트폰에서 보냈습니다.",
    "Yahoo Mail: Search, organise, conquer", "Get BlueMail for Desktop", "קבל את Outlook עבור Android", "Завантажити Outlook для Android",
    "Λήψη του Outlook για Android", "获取适用于 Android 的 Outlook", "Wysłane z aplikacji mobilnej Onet Poczta",
    "Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.", "Sent from HEY", "Sent from my vivo smartphone",
    "Sent with Aqua Mail for Android\nhttps://www.mobisystems.com/aqua-mail", "Secured with Tuta Mail:\nhttps://tuta.com/free-email",
]  # fmt: skip
SENTENCES = [
    "Virus-free",
    "Virus-free at last, and still tired",
    "Please consider the environment before printing this email, she says, and I laugh",
    "Bin von unterwegs gesendet worden, dachte ich", "I read it at\nhttps://example.org/quiet",
    "Sent from my iPhone. I miss her", "Sent from my phone, crying", "Von meinem iPhone gesendet. Mir geht es schlecht",
    "Sent from the bottom of my heart", "Sent from the heart, with love", "Sent from the garden on my phone",
    "Yahoo", "Yahoo! I did it", "Secured with love", "Ontvang mijn liefde", "Få venner har jeg", "来自我的朋友",
    "Inviato da libero pensatore", "Get some rest", "Get a phone and call a friend", "From my window I saw the first snow", "Sent by mistake, sorry",
    "Sent with love", "Sent on Tuesday by my mother", "Envoyé par le destin", "Envoyé avec tout mon amour",
    "Gesendet mit Liebe", "Von Herzen gesendet", "Von meinem Herzen gesendet", "Enviado con cariño", "Inviato con amore",
    "Enviado do fundo do coração", "Verzonden met liefs", "Отправлено с любовью", "心から送信", "Try to be kinder to my computer",
    "From my phone I wrote three sentences to myself and deleted two of them again.",
    "Get help from the NHS", "Get PTSD support.", "Get my MRI results on Monday.", "Get HELP", "Get up at 7AM.",
    "Get a new phone", "Get Outlook for Android, then call mum", "Get an iPhone", "Get B12", "Get Covid-19 shot", "Sent from the ER", "Sent from SW19", "Sent with Covid-19",
    "Sent from McMurdo", "Sent from room B4", "Sent from the front line", "Envoyé du CHU", "Skaffa en Honor", "Få en Nokia", "Scarica PDF",
]  # fmt: skip


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_what_announces_a_marked_quote_goes_in_every_language(line):
    """One line, or wrapped by the client as it wraps the rest; what stands below the quote stays."""
    first, _, second = line.rpartition(" ")
    quote = f"> {QUOTED}\n>\n> More."

    for announced in (line, f"{first}\n{second}" if first else line):
        assert extract(f"{OWN}\n\n{announced}\n\n{quote}\n") == OWN
        assert extract(f"{announced}\n{quote}\n\n{OWN}\n") == OWN
        assert extract(f"{announced}\n{quote}\n") == ""


@pytest.mark.parametrize("line", [one for one in ATTRIBUTIONS.values() if "@" in one])
def test_what_announces_a_bare_quote_takes_it_along(line):
    """Yahoo, and iPhones among others, quote without marks: with an address or a time in it, the line is no sentence."""
    assert extract(f"{OWN}\n\n{line}\n\n{QUOTED}\n\nMore.\n") == OWN


@pytest.mark.parametrize("labels", BLOCKS.values(), ids=BLOCKS)
def test_outlooks_header_block_is_known_in_every_language(labels):
    """With a line above it or without, bold or not, and with a wide colon."""
    values = (WHO, "2026-11-16 07:00", "alice@example.org", "Day 1")
    for form in ("{}: {}", "*{}:* {}", "{} : {}", "{}：{}"):
        block = "\n".join(form.format(*pair) for pair in zip(labels, values, strict=True))
        for line in ("", "_" * 32 + "\n", "-----Original Message-----\n"):
            assert extract(f"{OWN}\n\n{line}{block}\n\n{QUOTED}\n") == OWN


@pytest.mark.parametrize("language", [name for name in words.ALL.tables if name != "brands"])
def test_separators_are_known_in_every_language(language):
    """Between dashes, whatever follows; a forward announced with a colon is one too."""
    table = words.ALL.tables[language]
    for said in (*table["original"], *table["forwarded"]):
        for line in (f"-----{said}-----", f"-------- {said} --------", f"---------- {said} ---------", f"{said}:"):
            assert extract(f"{OWN}\n\n{line}\n{QUOTED}\n") == OWN


@pytest.mark.parametrize("line", FOOTERS)
def test_a_phones_footer_is_no_word_of_a_person(line):
    """Alone, below an answer, above a quote, beside a signature, in brackets."""
    assert extract(line) == ""
    assert extract(f"{OWN}\n\n{line}\n") == OWN
    assert extract(f"{OWN}\n{line}\n\nOn Mon, 16 Nov 2026, Dear Self wrote:\n> {QUOTED}\n") == OWN
    assert extract(f"<div>{OWN}</div><div><br></div><div>{line.replace('<', '&lt;')}</div>") == OWN


@pytest.mark.parametrize("line", SENTENCES)
def test_a_sentence_that_begins_like_a_footer_stays(line):
    """It names no phone, or much else beside it."""
    assert not is_footer(line, words.ALL)
    assert extract(f"{OWN}\n\n{line}\n") == f"{OWN}\n\n{line}"
    assert extract(line) == line


DONE = {
    "en": "Done", "de": "Erledigt", "fr": "Fait", "es": "Hecho", "pt": "Feito", "it": "Fatto", "nl": "Gedaan", "sv": "Klart",
    "da": "Færdig", "no": "Ferdig", "fi": "Tehty", "pl": "Zrobione", "cs": "Hotovo", "sk": "Hotovo", "hu": "Kész",
    "ro": "Gata", "bg": "Готово", "ru": "Сделано", "uk": "Зроблено", "el": "Έγινε", "tr": "Tamam", "he": "עשיתי",
    "ar": "تم", "fa": "انجام شد", "ja": "できました", "ko": "완료", "zh": "完成", "vi": "Xong", "th": "เสร็จแล้ว", "id": "Selesai",
    "hr": "Gotovo", "sl": "Končano", "ca": "Fet", "et": "Tehtud", "lv": "Gatavs", "lt": "Padaryta", "hi": "हो गया",
}  # fmt: skip


def test_done_is_tried_in_every_language_that_has_words():
    """A language that is added says here how it is said."""
    assert set(DONE) == set(words.ALL.tables) - {"brands"}


@pytest.mark.parametrize("said", DONE.values(), ids=DONE)
def test_done_is_an_answer_in_every_language(said):
    """It is enough, alone or beside what any client writes in any language: it is kept, and so it is a person's."""
    for written in (said, f"{said}.", said.upper(), f"{said} 🙂"):
        assert extract(written) == written
        assert extract(f"{written}\n\nSent from my iPhone\n") == written
        assert extract(f"<div>{written}</div><div><br></div>") == written
        found = read(f"Content-Type: text/plain; charset=utf-8\n\n{written}\n".encode())
        assert (found.says_something, found.first_line) == (True, written)
    for line in ATTRIBUTIONS.values():
        assert extract(f"{said}\n\n{line}\n\n> {QUOTED}\n") == said


def test_marks_that_a_client_repeats_are_read_in_time_that_grows_with_their_number():
    """As many lines as are judged, each marked as the rest: none is looked at more than a few times, none gets very deep."""

    class Looked(list):
        """Lines that count how often one of them is handed out."""

        times = 0

        def __iter__(self):
            for line in super().__iter__():
                self.times += 1
                yield line

        def __getitem__(self, place):
            found = super().__getitem__(place)
            self.times += len(found) if isinstance(place, slice) else 1
            return found

    lines = Looked(Line("x", hint=Hint.REST) for _ in range(1_000))
    announcements.hinted(lines, words.ALL)

    assert lines.times < 10_000
    assert {line.kind for line in list(lines)} == {Kind.QUOTE}
    assert max(line.depth for line in list(lines)) <= 100


def test_there_are_words_of_many_languages_and_the_package_brings_them():
    """At least 25 languages, each with all that is asked of one; the file is part of what is installed."""
    tables = {name: table for name, table in words.ALL.tables.items() if name != "brands"}
    keys = {"wrote", "start", "from", "sent", "date", "to", "subject", "original", "forwarded", "footer", "device"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert len(tables) >= 25
    assert {name: keys - table.keys() for name, table in tables.items() if keys - table.keys()} == {}
    assert project["tool"]["setuptools"]["package-data"]["course.reading"] == ["words.toml"]


def cases():
    """Yield everything above as (name, text) for the benchmark; what is right is OWN."""
    for name, line in ATTRIBUTIONS.items():
        yield f"{name}-marked", f"{OWN}\n\n{line}\n\n> {QUOTED}\n"
        if "@" in line:
            yield f"{name}-bare", f"{OWN}\n\n{line}\n\n{QUOTED}\n"
    for name, labels in BLOCKS.items():
        values = (WHO, "2026-11-16 07:00", "alice@example.org", "Day 1")
        block = "\n".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True))
        yield f"{name}-block", f"{OWN}\n\n{block}\n\n{QUOTED}\n"
    for language, table in words.ALL.tables.items():
        for said in (*table.get("original", []), *table.get("forwarded", [])):
            yield f"{language}-{said}", f"{OWN}\n\n-----{said}-----\n{QUOTED}\n"
    for line in FOOTERS:
        yield line, f"{OWN}\n\n{line}\n"
